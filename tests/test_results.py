import json

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from fashion_mnist import tables
from fashion_mnist.evaluation import metrics
from fashion_mnist.report import results
from fashion_mnist.report.revisions import NoBaselineError, Revision

CLASSES = {"Coat": {"f1": 0.9}, "Bag": {"f1": 0.9}}
EVALUATION = {
    "mlp": {"accuracy": 0.88, "classes": CLASSES},
    "cnn": {"accuracy": 0.94, "classes": CLASSES},
}
CSV = b"actual,predicted,probability,actual_probability\nBag,Bag,0.9,0.9\n"


class Files(dict):
    """A revision that is a dict of its files."""

    read = dict.get

    def __str__(self) -> str:
        return "a revision"


@pytest.mark.parametrize("commit", [None, "HEAD"])
def test_a_folder_is_no_file_at_any_revision(monkeypatch, commit):
    """A stage may read a folder of code, as those of r/ do."""
    monkeypatch.chdir(ROOT)
    assert Revision(commit).read("stages/__init__.py")
    assert Revision(commit).read("stages") is None


def test_results_are_those_of_the_files():
    found = results.read(
        Files(
            {
                "metrics/evaluate.json": json.dumps(EVALUATION).encode(),
                "plots/predictions_cnn.csv": CSV,
                "dvc.lock": b"stages: {export: {}}",
                "metrics/seed_spread.json": b'{"cnn": {"two_runs_differ_by": {"accuracy": 0.1}}}',
            }
        )
    )
    assert found.revision == "a revision"
    assert found.models == EVALUATION
    assert found.predictions.keys() == {"cnn"}
    assert found.predictions["cnn"]["predicted"].tolist() == ["Bag"]
    assert found.lock == {"stages": {"export": {}}}
    assert found.seed_margins("cnn") == {"accuracy": 0.1}
    assert found.seed_margins("mlp") is None


def test_an_old_revision_has_its_comparison_beside_the_models():
    """Before metrics/comparison.json existed, metrics/evaluate.json held the comparison."""
    old = EVALUATION | {"cnn_against_mlp": {"accuracy_difference": 0.06, "mcnemar_p": 0.0}}
    assert (
        results.read_evaluation(Files({"metrics/evaluate.json": json.dumps(old).encode()}))
        == EVALUATION
    )


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({}, "a revision has no metrics/evaluate.json; `dvc repro` makes it"),
        (
            {"metrics/evaluate.json": b"{"},
            "metrics/evaluate.json of a revision is not JSON; restore it",
        ),
        *(
            (
                {"metrics/evaluate.json": content},
                "metrics/evaluate.json of a revision is not what a stage writes; restore it",
            )
            for content in (b"[]", b'{"cnn": 0.9}')
        ),
    ],
)
def test_without_an_evaluation_there_is_no_baseline(files, complaint):
    with pytest.raises(NoBaselineError) as caught:
        results.read(Files(files))
    assert str(caught.value) == complaint


@pytest.mark.parametrize(
    "content",
    [b"actual,predicted\nBag,Bag\n", b"", b"\xff\xfe\x00", CSV.replace(b"Bag,Bag", b"Bag,Hat")],
)
def test_predictions_that_are_no_table_of_now_count_as_none(content):
    files = Files({"plots/predictions_cnn.csv": content})
    assert results.read_predictions(files, "cnn", EVALUATION["cnn"]) is None


def test_classes_may_have_any_names_and_keep_their_order(tmp_path):
    names = ["10", "9", "NA", "null", "nan", "True", "1.50", 'a, "b"', " "]
    table = metrics.predictions(
        np.eye(len(names)), np.arange(len(names), dtype=np.uint8)[::-1], names
    )
    tables.write(tmp_path / "table.csv", metrics.rounded(table))
    assert tables.read(tmp_path / "table.csv")["predicted"].tolist() == names
    files = Files({"plots/predictions_cnn.csv": (tmp_path / "table.csv").read_bytes()})
    evaluation = {"classes": metrics.by_class(table)}
    found = results.read_predictions(files, "cnn", json.loads(json.dumps(evaluation)))
    for column in ("actual", "predicted"):
        pd.testing.assert_series_equal(found[column], table[column])
    assert metrics.by_class(found) == evaluation["classes"]
