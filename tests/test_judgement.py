"""Judgements of predictions that are made up, without files or Git."""

import numpy as np
import pandas as pd
import pytest
from conftest import SPEC

from fashion_mnist.evaluation import metrics
from fashion_mnist.report import judgement

ACTUAL = pd.Series(pd.Categorical(np.repeat(SPEC.classes, 100), SPEC.classes))
MARGINS = {
    "accuracy": 0.01,
    "loss": 0.01,
    "macro_f1": 0.01,
    "expected_calibration_error": 0.01,
    "classes": dict.fromkeys(SPEC.classes, 0.05),
}


def right_answers(gained: int, lost: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two sets of right answers; `gained` and `lost` images are spread over all classes."""
    spread = np.arange(1000).reshape(10, 100).T.ravel()
    base, now = np.ones((2, 1000), bool)
    base[spread[:gained]] = False
    now[spread[gained : gained + lost]] = False
    return base, now


def judge(gained: int, lost: int, margins: dict | None = None, models_changed: int = 1) -> str:
    accuracy, _ = judgement.judge_right_answers(
        ACTUAL, *right_answers(gained, lost), margins, models_changed
    )
    assert accuracy["change"] == pytest.approx((gained - lost) / 1000)
    return accuracy["verdict"]


def table(right: np.ndarray, probability: float = 0.9) -> pd.DataFrame:
    """Return predictions whose wrong answers are the next class."""
    labels = ACTUAL.cat.codes
    answers = np.where(right, labels, (labels + 1) % len(SPEC.classes))
    return pd.DataFrame(
        {
            "actual": ACTUAL,
            "predicted": pd.Categorical.from_codes(answers, SPEC.classes),
            "probability": probability,
            "actual_probability": np.where(right, probability, 1 - probability),
        }
    )


def test_a_change_counts_when_it_is_beyond_the_images_and_the_seeds():
    assert judge(40, 5) == "better"
    assert judge(5, 40) == "worse"
    assert judge(12, 5) == "no measurable change"  # of images: p = 0.14
    assert judge(40, 5, MARGINS | {"accuracy": 0.04}) == "no measurable change"
    assert judge(40, 5, MARGINS | {"accuracy": 0.03}) == "better"


def test_models_that_changed_share_the_error_rate():
    assert metrics.compare(*right_answers(33, 17))["mcnemar_p"] == pytest.approx(0.0328, abs=1e-4)
    assert judge(33, 17, models_changed=1) == "better"  # at 4 %
    assert judge(33, 17, models_changed=2) == "no measurable change"  # at 2 %


def test_a_class_is_judged_by_its_own_images_and_seeds():
    base, now = np.ones((2, 1000), bool)
    now[ACTUAL == "Bag"] = np.arange(100) >= 15
    now[ACTUAL == "Coat"] = np.arange(100) >= 3
    _, classes = judgement.judge_right_answers(ACTUAL, base, now, MARGINS, 1)
    assert classes["Bag"] == {
        "newly_right": 0,
        "newly_wrong": 15,
        "recall_change": pytest.approx(-0.15),
        "verdict": "worse",
    }
    assert classes["Coat"]["verdict"] == "no measurable change"
    wide = MARGINS | {"classes": {**MARGINS["classes"], "Bag": 0.2}}
    _, classes = judgement.judge_right_answers(ACTUAL, base, now, wide, 1)
    assert classes["Bag"]["verdict"] == "no measurable change"


def test_a_class_without_images_is_not_judged():
    chosen = ACTUAL != "Bag"
    right = np.ones(chosen.sum(), bool)
    _, classes = judgement.judge_right_answers(ACTUAL[chosen], right, right, None, 1)
    assert classes.keys() == set(SPEC.classes) - {"Bag"}


@pytest.mark.parametrize(
    ("accuracy", "bag", "expected"),
    [
        ("better", "better", "better"),
        ("better", "worse", "mixed"),
        ("no measurable change", "worse", "worse"),
        ("no measurable change", "better", "no measurable change"),
        ("worse", "better", "worse"),
    ],
)
def test_a_class_that_lost_decides_the_status(accuracy, bag, expected):
    classes = {"Bag": {"verdict": bag}, "Coat": {"verdict": "better"}}
    assert judgement.status({"verdict": accuracy}, classes) == expected


def test_secondary_metrics_have_intervals_and_loss_is_better_when_lower():
    base, now = right_answers(0, 0)
    found = judgement.judge_predictions(table(base, 0.8), table(now, 0.9), None, 1)
    loss, error = (found["metrics"][name] for name in ("loss", "expected_calibration_error"))
    assert loss["change"] == pytest.approx(np.log(0.8) - np.log(0.9))
    assert loss["low"] <= loss["change"] <= loss["high"] < 0
    assert loss["verdict"] == error["verdict"] == "better"
    assert found["metrics"]["macro_f1"]["verdict"] == "no measurable change"
    beyond = judgement.judge_predictions(
        table(base, 0.8), table(now, 0.9), MARGINS | {"loss": 0.2}, 1
    )
    assert beyond["metrics"]["loss"]["verdict"] == "no measurable change"


def test_the_pairs_that_moved_most_come_first():
    base, now = np.ones((2, 1000), bool)
    base[ACTUAL == "Shirt"] = np.arange(100) >= 7
    now[ACTUAL == "Coat"] = np.arange(100) >= 9
    found = judgement.judge_predictions(table(base), table(now), None, 1)
    assert found["moved"] == [
        {"actual": "Coat", "predicted": "Sandal", "base": 0, "now": 9},
        {"actual": "Shirt", "predicted": "Sneaker", "base": 7, "now": 0},
    ]


def test_accuracies_of_different_images_are_judged_by_the_wider_interval():
    def model(accuracy: float) -> dict:
        return {
            "accuracy": accuracy,
            "classes": {"Bag": {"support": 600}, "Coat": {"support": 400}},
        }

    found = judgement.judge_accuracies(model(0.9), model(0.92))["metrics"]["accuracy"]
    margin = 1.959964 * np.sqrt((0.9 * 0.1 + 0.92 * 0.08) / 1000)
    assert found["low"] == pytest.approx(0.02 - margin)
    assert found["high"] == pytest.approx(0.02 + margin)
    assert found["verdict"] == "no measurable change"
    found = judgement.judge_accuracies(model(0.9), model(0.8))["metrics"]["accuracy"]
    assert found["verdict"] == "worse"


@pytest.mark.parametrize(
    ("accuracy", "recall", "margins", "expected"),
    [
        (0.019, 0.09, MARGINS, True),
        (-0.021, 0.0, MARGINS, False),
        (0.0, -0.11, MARGINS, False),
        (0.009, 0.05, None, True),  # the spread is unknown
        (0.011, 0.0, None, False),
        (0.0, 0.07, None, False),
    ],
)
def test_another_seed_may_do_twice_what_seeds_differ_by(accuracy, recall, margins, expected):
    found = judgement.is_like_another_seed(
        {"accuracy": {"change": accuracy}}, {"Bag": {"recall_change": recall}}, margins
    )
    assert found is expected
