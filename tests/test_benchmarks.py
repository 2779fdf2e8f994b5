"""The rows of the benchmarks are what they say; the table judges and counts as it says."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, made_images
from ruamel.yaml import YAML

from benchmarks import (
    by_processor,
    cost,
    from_scratch,
    measured,
    rows,
    service_load,
    speed,
    table,
    training_times,
)
from fashion_mnist import models, params
from fashion_mnist.backend import keras
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
    assert rows.read("cnn", shipped.train.seed) == (shipped.train, shipped.cnn)
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


def test_multiply_adds_by_hand():
    layers = keras.layers
    images = keras.Input((28, 28, 1))
    x = layers.Conv2D(4, 3, padding="same")(images)  # 28 * 28 positions, 9 weights, 4 filters
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(6, 3, padding="valid")(x)  # 12 * 12 positions, 9 weights of 4 channels
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(images, layers.Dense(10)(x))
    first, second, dense = 784 * 9 * 4, 144 * 9 * 4 * 6, 60
    assert cost.forward(model) == [first, second, dense]
    # Backward, a layer costs as much for its weights and again for its inputs: not the first one.
    assert cost.training(model, images=5, epochs=2) == 10 * (2 * first + 3 * (second + dense))


def test_the_seconds_of_a_row_are_those_of_its_steps(monkeypatch):
    train, recipe = rows.read("mlp", seed=0)
    images, labels = made_images(200, seed=3)
    split = Split(images[..., None] / np.float32(255), labels)
    train = train.model_copy(update={"batch_size": 512, "epochs": 6})
    monkeypatch.setattr(training_times.Steps, "median", lambda steps: 0.5)
    # 118 steps an epoch: 117 whole batches and a part of one.
    assert training_times.row_seconds(train, recipe, split) == 0.5 * 118 * 6


def test_the_first_steps_do_not_count():
    steps = training_times.Steps()
    durations = [9.0] * training_times.SKIPPED + [1.0, 2.0, 3.0]
    steps.ends = np.cumsum([0.0, *durations]).tolist()
    assert steps.median() == 2.0


@pytest.fixture
def two_kinds(tmp_path, monkeypatch):
    """Times of two kinds of processor, each written by a machine of that kind."""
    monkeypatch.setattr(by_processor, "FOLDER", tmp_path / "times")
    monkeypatch.setattr(measured, "RECORD", tmp_path / "measured.json")

    def write(name: str, **of_kind: dict) -> dict[str, dict]:
        for kind, content in of_kind.items():
            described = {"kind": kind.replace("_", "-"), "model": f"A {kind}", "cores": 2}
            monkeypatch.setattr(by_processor.processor, "describe", lambda d=described: d)
            by_processor.write(name, content)
        return by_processor.read(name)

    return write


def test_a_machine_adds_its_column_and_leaves_the_others(two_kinds):
    found = two_kinds("speed", AVX512_BF16={"a": 1}, AVX2={"a": 2})
    assert list(found) == ["AVX2", "AVX512-BF16"]
    found = two_kinds("speed", AVX2={"a": 3}, POWER={"a": 4})
    assert [of_kind["a"] for of_kind in found.values()] == [3, 1, 4]
    found = two_kinds("held", **{"AVX512_BF16": {}, "AVX2 on AVX512_BF16": {}, "AVX2": {}})
    assert list(found) == ["AVX2", "AVX2 on AVX512-BF16", "AVX512-BF16"]
    assert "`AVX2 on AVX512-BF16`: the faster processor" in by_processor.machines(found)
    found = two_kinds("speed", AVX2={"a": 3})
    line = by_processor.machines(found)
    assert line.startswith("Measured on: AVX2: 2 cores of A AVX2; AVX512-BF16: 2 cores of A AV")


def test_the_documents_of_times_show_the_committed_times(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert Path("docs/speed.md").read_text() == speed.document(by_processor.read("speed"))
    made = from_scratch.document(by_processor.read("from_scratch"))
    assert Path("docs/from_scratch.md").read_text() == made
    made = service_load.document(by_processor.read("service_load"))
    assert Path("docs/service_load.md").read_text() == made


def test_a_document_is_older_than_what_changed_since(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    Path("code.py").write_text("first")
    Path("other.py").write_text("first")
    measured.RECORD.parent.mkdir()
    measured.record(Path("docs/one.md"), "code.py", "params.yaml: train")
    measured.record(Path("docs/two.md"), "other.py", "params.yaml: cnn")
    assert measured.older() == {}
    Path("code.py").write_text("second")
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("batch_size:", "batch_size: 7 #"))
    assert measured.older() == {"docs/one.md": ["code.py", "params.yaml: train"]}
    measured.record(Path("docs/one.md"), "code.py", "params.yaml: train")
    assert measured.older() == {}


def test_every_measured_document_says_what_it_measured():
    known = json.loads((ROOT / measured.RECORD).read_text())
    documents = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")
                 if "Made by `python -m benchmarks" in path.read_text()}  # fmt: skip
    by_kind = {"docs/speed.md", "docs/from_scratch.md", "docs/service_load.md"}
    assert documents - by_kind == {"docs/pictures.md", "docs/report_errors.md"}
    times = {path.relative_to(ROOT).as_posix()
             for path in (ROOT / by_processor.FOLDER).rglob("*.json")}  # fmt: skip
    reports = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/reports").glob("*.md")}
    others = {"docs/page.png", "metrics/seed_spread.json"}
    assert known.keys() == (documents - by_kind) | times | reports | others


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


def test_a_rung_says_on_which_processor_it_is_too_slow():
    row = table.Row("92", np.array([0.93, 0.93, 0.93]), *[np.array([0.93, 0.93])] * 2, 5, 10**12)
    slow, fast = ({"unit_seconds": [10.0], "seconds": {"92": [s]}} for s in (26.0, 24.0))
    assert table.ladder({"92": row}, {"A": fast, "B": fast}).endswith("| met |")
    assert table.ladder({"92": row}, {"A": slow, "B": fast}).endswith("**missed: time with A** |")
    assert table.ladder({"92": row}, {"A": slow, "B": slow}).endswith("| **missed: time** |")
    low = row._replace(accuracy=np.array([0.91, 0.92, 0.91]))
    untimed = {"unit_seconds": [10.0], "seconds": {}}
    line = table.ladder({"92": low}, {"A": untimed, "B": slow})
    assert "| - | 2.6 (2.6 to 2.6) |" in line
    assert line.endswith("**missed: accuracy, time with B** |")


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
    result = {"flip_averaged_accuracy": 0.93, "parameters": 5}
    runs = ((10, [0.90, 0.92, 0.91]), (11, [0.89, 0.90, 0.93]), (12, [0.85, 0.90, 0.90]))
    for seed, accuracy in runs:
        assert table.load("cnn") is None
        content = {**result, "accuracy": accuracy}
        (tmp_path / f"cnn-{seed}.json").write_text(json.dumps(content))
    (tmp_path / "cnn-table-10.json").write_text("another row")
    monkeypatch.chdir(ROOT)
    row = table.load("cnn")
    assert row.accuracy.tolist() == [0.91, 0.93, 0.90]
    assert row.best_epoch.tolist() == [0.92, 0.93, 0.90]


def test_an_ablation_is_held_against_the_unchanged_rung(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "ABLATION", tmp_path)
    assert table.ablation() == "Not measured yet."

    def write(name, changes, accuracies):
        runs = [{"accuracy": [0.5, accuracy]} for accuracy in accuracies]
        (tmp_path / f"{name}.json").write_text(json.dumps({"changes": changes, "runs": runs}))

    write("nothing", [], [0.93, 0.94, 0.95])
    write("adamw", ["cnn.optimizer=adamw", "cnn.weight_decay=0.005"], [0.92, 0.93, 0.94])
    # Both have sd 1 point: Student's t of 4 is 2.776, times the root of two thirds.
    assert table.ablation().splitlines()[2:] == [
        "| nothing | 94.00 ± 1.00 |  | 3 |",
        "| `cnn.optimizer=adamw`, `cnn.weight_decay=0.005` | 93.00 ± 1.00 | "
        "-1.00 (-3.27 to +1.27) | 3 |",
    ]
