"""The rows of the benchmarks are what they say; the table judges and counts as it says."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, made_images
from ruamel.yaml import YAML

from benchmarks import rows, table
from benchmarks.train import Stopwatch
from fashion_mnist import models, params, training
from fashion_mnist.dataset import Split

yaml = YAML(typ="safe", pure=True)
STAGES = yaml.load(ROOT / "benchmarks" / "dvc.yaml")["stages"]
MATRIX = STAGES["train"]["matrix"]


@pytest.mark.parametrize(
    ("row", "parameters"),
    [
        ("ban6420-cnn", 241_546),
        ("cnn-for-fashion-mnist", 241_546),
        ("cnn-for-fashion-mnist-table", 503_690),
        ("mnist-fashion-cnn", 225_034),
        ("feature-map-cnn", 421_642),
        ("mlp-vs-cnn-cnn", 93_322),
        ("mlp-vs-cnn-mlp", 784 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10),
    ],
)
def test_published_networks_have_the_published_layers(row, parameters):
    _, recipe = rows.read(row, seed=0)
    build = models.mlp if isinstance(recipe, params.MLP) else models.cnn
    assert build(recipe).count_params() == parameters


def test_every_row_is_run():
    files = {path.stem for path in (ROOT / rows.FOLDER).glob("*.args")}
    assert files == set(MATRIX["row"])
    published = yaml.load(ROOT / "benchmarks" / "published.yaml")
    assert files == {*table.RUNGS, *table.OURS, *published}


def test_our_rows_are_what_the_workflow_trains(monkeypatch):
    monkeypatch.chdir(ROOT)
    shipped = params.load("train", "cnn", "mlp")
    assert rows.read("94", shipped.train.seed) == (shipped.train, shipped.cnn)
    assert rows.read("mlp", shipped.train.seed) == (shipped.train, shipped.mlp)


@pytest.mark.parametrize(("name", "changes"), STAGES["ablate"]["foreach"].items())
def test_an_ablation_changes_what_it_names_and_nothing_else(name, changes):
    sides = [rows.read("94", 20), rows.read("94", 20, *changes.split())]
    plain, changed = (
        {f"{kind}.{key}": value for kind, part in zip(("train", "cnn"), side, strict=True)
         for key, value in part.model_dump().items()}
        for side in sides
    )  # fmt: skip
    assert {key for key in plain if plain[key] != changed[key]} == {
        change.partition("=")[0] for change in changes.split()
    }


def test_the_clock_stands_while_accuracy_is_measured(monkeypatch):
    now = iter([0.0, 10.0, 10.0, 13.0, 20.0, 20.0, 21.0])
    monkeypatch.setattr("benchmarks.train.time.perf_counter", lambda: next(now))
    stopwatch = Stopwatch()
    stopwatch.on_train_begin()
    for _ in range(2):
        stopwatch.on_test_begin()
        stopwatch.on_test_end()
    assert stopwatch.seconds == [10.0, 17.0]


def test_the_clock_sees_every_epoch():
    train, recipe = rows.read("mlp", seed=0)
    images, labels = made_images(60, seed=3)
    split = Split(images[..., None] / np.float32(255), labels)
    train = train.model_copy(update={"epochs": 3, "precision": "float32"})
    training.prepare(train)
    stopwatch = Stopwatch()
    training.fit(models.mlp(recipe), split, split, train, recipe, [stopwatch])
    assert len(stopwatch.seconds) == 3
    assert 0 < stopwatch.seconds[0] < stopwatch.seconds[1] < stopwatch.seconds[2]


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        # Student's t of 4 is 2.776, times 0.001 and the root of 1.2: 0.00304 beside 0.9.
        (0.9, "reproduced"),
        (0.9030, "reproduced"),
        (0.9032, "not reached"),
        (0.8968, "above"),
        (0.91, "not reached"),
        (None, "no figure"),
    ],
)
def test_verdict(published, expected):
    accuracy = 0.9 + 0.001 * np.array([-1, -1, 0, 1, 1])  # sd 0.001
    assert table.verdict(published, accuracy) == expected


def test_a_figure_of_two_digits_stands_for_all_that_round_to_it():
    assert table.verdict(0.92, np.array([0.914, 0.9151, 0.916])) == "reproduced"


def test_the_documents_show_the_committed_results(monkeypatch):
    monkeypatch.chdir(ROOT)
    published = yaml.load(ROOT / "benchmarks" / "published.yaml")
    found = {
        name: row for name in [*table.RUNGS, *table.OURS, *published] if (row := table.load(name))
    }
    assert Path("docs/benchmarks.md").read_text() == table.document(found, published)
    assert table.summary(found, published).join(table.MARKS) in Path("README.md").read_text()


def test_a_row_counts_its_last_epoch_and_its_own_seeds(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "RESULTS", tmp_path)
    result = {"flip_averaged_accuracy": 0.93, "unit_seconds": 10.0, "parameters": 5}
    runs = ((10, [0.90, 0.92, 0.91]), (11, [0.89, 0.90, 0.93]), (12, [0.85, 0.90, 0.90]))
    for seed, accuracy in runs:
        assert table.load("cnn") is None
        content = {**result, "accuracy": accuracy, "seconds": [10.0, 20.0, 30.0]}
        (tmp_path / f"cnn-{seed}.json").write_text(json.dumps(content))
    (tmp_path / "cnn-table-10.json").write_text("another row")
    row = table.load("cnn")
    assert row.accuracy.tolist() == [0.91, 0.93, 0.90]
    assert row.best_epoch.tolist() == [0.92, 0.93, 0.90]
    assert row.units.tolist() == [3.0, 3.0, 3.0]


def test_an_ablation_is_held_against_the_unchanged_rung(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "ABLATION", tmp_path)
    assert table.ablation() == "Not measured yet."

    def write(name, changes, accuracies):
        runs = [
            {"accuracy": [0.5, accuracy], "seconds": [1.0, 30.0], "unit_seconds": 10.0}
            for accuracy in accuracies
        ]
        (tmp_path / f"{name}.json").write_text(json.dumps({"changes": changes, "runs": runs}))

    write("nothing", [], [0.93, 0.94, 0.95])
    write("adamw", ["cnn.optimizer=adamw", "cnn.weight_decay=0.005"], [0.92, 0.93, 0.94])
    # Both have sd 1 point: Student's t of 4 is 2.776, times the root of two thirds.
    assert table.ablation().splitlines()[2:] == [
        "| nothing | 94.00 ± 1.00 |  | 3.0 | 3 |",
        "| `cnn.optimizer=adamw`, `cnn.weight_decay=0.005` | 93.00 ± 1.00 | "
        "-1.00 (-3.27 to +1.27) | 3.0 | 3 |",
    ]
