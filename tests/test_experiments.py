"""The rows are what they say; the table judges and counts as it says."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, SPEC, committed, made_images
from ruamel.yaml import YAML

from benchmarks import by_processor, steps
from experiments import ablate, layers, r_twin, rows, table, training_times
from experiments.training import build
from fashion_mnist.dataset.splits import Split
from fashion_mnist.params import whole

yaml = YAML(typ="safe", pure=True)
STAGES = yaml.load(ROOT / "experiments" / "dvc.yaml")["stages"]
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
def test_published_models_have_the_published_layers(row, parameters):
    _, recipe = rows.read(row, seed=0)
    assert build(recipe, SPEC).count_params() == parameters


def test_every_row_is_run(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert set(rows.names()) == set(MATRIX["row"])
    published = yaml.load(table.PUBLISHED)
    assert set(rows.names()) == {*table.RUNGS, *table.OURS, *published}


def test_our_rows_are_what_the_workflow_trains(monkeypatch):
    monkeypatch.chdir(ROOT)
    shipped = whole.load()
    assert rows.read("cnn", shipped.train.seed) == (shipped.train, shipped.cnn)
    assert rows.read("mlp", shipped.train.seed) == (shipped.train, shipped.mlp)


@pytest.mark.parametrize(("name", "changes"), STAGES["ablate"]["foreach"].items())
def test_an_ablation_changes_what_it_names_and_nothing_else(name, changes):
    sides = [rows.read(ablate.ROW, 20), rows.read(ablate.ROW, 20, *changes.split())]
    plain, changed = (
        {f"{kind}.{key}": value for kind, part in zip(("train", "cnn"), side, strict=True)
         for key, value in part.model_dump().items()}
        for side in sides
    )  # fmt: skip
    assert {key for key in plain if plain[key] != changed[key]} == {
        change.partition("=")[0] for change in changes.split()
    }


def test_the_seconds_of_a_row_are_those_of_its_steps(monkeypatch):
    train, recipe = rows.read("mlp", seed=0)
    images, labels = made_images(200, seed=3)
    split = Split(images[..., None] / np.float32(255), labels, SPEC)
    train = train.model_copy(update={"batch_size": 512, "epochs": 6})
    monkeypatch.setattr(steps.Steps, "median", lambda steps: 0.5)
    # 118 steps an epoch: 117 whole batches and a part of one.
    assert training_times.row_seconds(train, recipe, split) == 0.5 * 118 * 6


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
    row = made_row("92", [0.93, 0.93, 0.93])
    slow, fast = (timed({"92": seconds}) for seconds in (21.0, 19.0))
    limited = "AVX2 on AVX512-BF16"
    assert table.ladder({"92": row}, {"AVX2": fast, limited: fast}).endswith("| met |")
    line = table.ladder({"92": row}, {"AVX2": fast, limited: slow, "AVX512": slow})
    assert line.endswith(f"**missed: time with {limited}** |")
    assert table.ladder({"92": row}, {"AMX-BF16": fast}).endswith(
        "**missed: time with AMX-BF16** |"
    )
    line = table.ladder({"92": row}, {"AVX2": fast, "AMX-BF16": timed({})})
    assert line.endswith("| accuracy met; time unknown with AMX-BF16 |")
    low = row._replace(accuracy=np.array([0.91, 0.92, 0.91]))
    line = table.ladder({"92": low}, {"AVX2": timed({}), "AVX512-BF16": fast})
    assert "| - | 1.9 (1.9 to 1.9) | 2 (AVX2), 1 (BF16) |" in line
    assert line.endswith("**missed: accuracy, time with AVX512-BF16** |")


def test_a_rung_that_exports_with_the_mirror_is_judged_by_both_images():
    row = made_row("94", [0.93, 0.93, 0.93], [0.95, 0.95, 0.95])
    assert table.ladder({"94": row}, {}).endswith("**missed: accuracy** |")
    line = table.ladder({"94": row._replace(is_mirror_averaged=True)}, {})
    assert "| 93.00 ± 0.00 | **95.00 ± 0.00** |" in line
    assert line.endswith("| met |")


def test_the_first_row_to_overtake_is_the_cheapest_that_is_as_accurate():
    found = {
        "theirs": made_row("theirs", [0.91, 0.91, 0.91]),
        "92": made_row("92", [0.93, 0.93, 0.93])._replace(multiply_adds=3),
        "cnn": made_row("cnn", [0.91, 0.91, 0.92])._replace(multiply_adds=2),
        "mlp": made_row("mlp", [0.90, 0.91, 0.91])._replace(multiply_adds=1),
    }
    seconds = {"theirs": 60.0, "92": 30.0, "cnn": 12.0, "mlp": 1.0}
    times = {"AVX2": timed(seconds), "AVX512": timed({"theirs": 50.0})}
    line = table.overtaking(found, {"theirs": None}, times).splitlines()[-1]
    assert line == "| theirs | 91.00 ± 0.00 | our CNN | 91.33 ± 0.58 | 1/5.0 | - |"
    del found["92"], found["cnn"]
    line = table.overtaking(found, {"theirs": None}, times).splitlines()[-1]
    assert line == "| theirs | 91.00 ± 0.00 | none | - | - | - |"


def made_row(name: str, accuracy: list[float], mirrored: list[float] | None = None) -> table.Row:
    alone = np.array(accuracy)
    return table.Row(name, alone, np.array(mirrored or accuracy), alone, 5, 10**12, False)


def timed(seconds: dict[str, float]) -> dict:
    return {"unit_seconds": [10.0], "seconds": {name: [each] for name, each in seconds.items()}}


def test_a_figure_of_two_digits_stands_for_all_that_round_to_it():
    assert table.verdict(0.92, np.array([0.914, 0.9151, 0.916])) == "reproduced"


def test_the_document_shows_the_committed_results(monkeypatch):
    monkeypatch.chdir(ROOT)
    published = yaml.load(table.PUBLISHED)
    found = table.load_all(published)
    assert Path("docs/benchmarks.md").read_text() == table.document(found, published)


def test_the_readme_lists_every_row_with_what_it_reaches(monkeypatch):
    monkeypatch.chdir(ROOT)
    readme = Path("README.md").read_text()
    found = table.load_all(yaml.load(table.PUBLISHED))
    assert found.keys() == set(rows.names())
    for name, row in found.items():
        (line,) = [line for line in readme.splitlines() if f"`{name}.args`" in line and "|" in line]
        assert f"{table.spread(100 * row.exported)} %" in line


def test_the_documents_of_r_and_of_the_layers_show_the_committed_results(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert Path("docs/r.md").read_text() == r_twin.document(by_processor.read("r_twin"))
    models = {"ours": layers.OURS, "theirs": layers.THEIRS}
    probes = {
        name: json.loads(committed(path.as_posix()))["probes"] for name, path in models.items()
    }
    assert committed("docs/layers.md") == layers.document(probes)


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


def test_an_ablation_is_held_against_the_unchanged_row(tmp_path, monkeypatch):
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
