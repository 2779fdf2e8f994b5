import json

import pytest

from fashion_mnist.report import results
from fashion_mnist.report.revisions import NoBaselineError

EVALUATION = {"mlp": {"accuracy": 0.88}, "cnn": {"accuracy": 0.94}}
CSV = b"actual,predicted,probability,actual_probability\nBag,Bag,0.9,0.9\n"


class Files(dict):
    """A revision that is a dict of its files."""

    read = dict.get

    def __str__(self) -> str:
        return "a revision"


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


@pytest.mark.parametrize("content", [b"actual,predicted\nBag,Bag\n", b"", b"\xff\xfe\x00"])
def test_predictions_that_are_no_table_of_now_count_as_none(content):
    files = Files({"plots/predictions_cnn.csv": content})
    assert results.read_predictions(files, "cnn") is None
