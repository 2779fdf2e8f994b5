"""Predictions of any language are measured, and reported as scikit-learn does."""

import json

import pytest
from conftest import ROOT

from fashion_mnist import classification_report, measure
from fashion_mnist.errors import InputError


def test_the_same_predictions_give_the_same_metrics_but_for_their_four_digits(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plots").mkdir()
    content = (ROOT / "plots/predictions_cnn.csv").read_bytes()
    (tmp_path / "plots/predictions_other.csv").write_bytes(content)
    measure.main("other")
    found = json.loads((tmp_path / "metrics/evaluate_other.json").read_text())["other"]
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
        ("", "not a CSV table"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, monkeypatch, content, complaint):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "plots").mkdir()
        (tmp_path / "plots/predictions_x.csv").write_text(content)
    with pytest.raises(InputError, match=complaint):
        measure.main("x")
    assert not (tmp_path / "metrics").exists()


def test_the_classification_report_has_the_committed_recalls(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    classification_report.main(["cnn"])
    printed = capsys.readouterr().out
    assert printed.startswith("CNN, 10,000 test images\n")
    shirt = json.loads((ROOT / "metrics/evaluate.json").read_text())["cnn"]["classes"]["Shirt"]
    (line,) = [line for line in printed.splitlines() if line.strip().startswith("Shirt ")]
    assert line.split()[1:] == [f"{shirt[name]:.4f}" for name in ("precision", "recall", "f1")] + [
        "1000"
    ]
