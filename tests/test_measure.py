"""Predictions of any language are measured, and reported as scikit-learn does."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, SPEC

from fashion_mnist import classification_report, measure
from fashion_mnist.dataset import splits
from fashion_mnist.errors import InputError

HEAD = "actual,predicted,probability,actual_probability\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder: it has the description of the dataset, and no predictions."""
    evaluation = json.loads((ROOT / "metrics/evaluate.json").read_text())["cnn"]
    spec = SPEC.model_copy(update={"classes": [*evaluation["classes"]]})
    images, labels = np.zeros((1, 28, 28, 1), np.float32), np.zeros(1, np.uint8)
    splits.save({tmp_path / "data" / "test": splits.Split(images, labels, spec)})
    (tmp_path / "plots").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_same_predictions_give_the_same_metrics_but_for_their_four_digits(folder):
    shutil.copy(ROOT / "plots/predictions_cnn.csv", folder / "plots/predictions_other.csv")
    measure.main("other", Path())
    found = json.loads((folder / "metrics/evaluate_other.json").read_text())["other"]
    expected = json.loads((ROOT / "metrics/evaluate.json").read_text())["cnn"]
    assert found["classes"] == expected["classes"]
    for name in ("accuracy", "accuracy_low", "accuracy_high", "macro_f1"):
        assert found[name] == expected[name]
    for name in ("loss", "expected_calibration_error"):
        assert found[name] == pytest.approx(expected[name], abs=1e-4)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "not found; make it"),
        ("actual,predicted\nBag,Bag\n", "columns actual_probability, probability are missing"),
        (f"{HEAD}?,?,0.9,0.1\n", r"predictions_x.csv: actual = '\?' is none of the classes"),
        ("", "not a CSV table"),
    ],
)
def test_a_table_that_is_none_is_refused(folder, content, complaint):
    if content is not None:
        (folder / "plots/predictions_x.csv").write_text(content)
    with pytest.raises(InputError, match=complaint):
        measure.main("x", Path())
    assert not (folder / "metrics").exists()


def test_the_classification_report_has_the_committed_recalls(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    classification_report.main(["cnn"])
    printed = capsys.readouterr().out
    classes = json.loads((ROOT / "metrics/evaluate.json").read_text())["cnn"]["classes"]
    count = sum(scores["support"] for scores in classes.values())
    assert printed.startswith(f"CNN, {count:,} test images\n")
    for name, scores in classes.items():
        (line,) = [line for line in printed.splitlines() if line.strip().startswith(f"{name} ")]
        expected = [scores[key] for key in ("precision", "recall", "f1", "support")]
        assert [*map(float, line.split()[-4:])] == pytest.approx(expected, abs=1e-4)


def test_a_table_of_other_classes_than_those_of_the_dataset_is_refused(tmp_path, monkeypatch):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "datasets", tmp_path / "datasets")
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots/predictions_x.csv").write_text(f"{HEAD}No class,No class,1.0,1.0\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"predictions_x.csv: actual = 'No class' is none of"):
        classification_report.main(["x"])
