"""Whether a model became better on the same test images, or differs only by chance.

Accuracies differ for two reasons that are no progress: the choice of test images, and the training
seed. A change is measurable when it is larger than both explain:

- The exact McNemar test on the same images (Dietterich, "Approximate Statistical Tests for
  Comparing Supervised Classification Learning Algorithms", Neural Computation 10 (1998)) rejects
  equality. Of its error rate of 5 %, four fifths go to the accuracy and one fifth to the
  classes. The models that changed share both (Bonferroni), so a whole report errs in at most 5 %
  of cases.
- The change is larger than the difference of two training seeds in 95 % of cases, where that has
  been measured (fashion_mnist.seed_spread).
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from fashion_mnist.evaluation import metrics

BETTER, WORSE, MIXED = "better", "worse", "mixed"
SAME, NO_BASELINE = "no measurable change", "no baseline"
NOT_TRUSTWORTHY, STALE, REMOVED = "not trustworthy", "stale", "removed"
ALPHA = 0.05
ACCURACY_SHARE = 0.8
RESAMPLES = 1000
LOWER_IS_BETTER = ("loss", "expected_calibration_error")
SECONDARY = ("loss", "macro_f1", "expected_calibration_error")
METRICS = ("accuracy", *SECONDARY)
# Where the spread of seeds is unknown, two seeds are taken to differ by half a point of accuracy
# and three points of a recall.
ASSUMED_ACCURACY_MARGIN, ASSUMED_RECALL_MARGIN = 0.005, 0.03


def judge_predictions(
    base: pd.DataFrame, now: pd.DataFrame, seed_margins: dict | None, models_changed: int
) -> dict[str, Any]:
    """Judge what changed between two predictions tables of one model.

    Args:
        base, now: predictions of the same images in the same order.
        seed_margins: two_runs_differ_by of seed_spread.json; None where it is unknown.
        models_changed: the number of models that share the report's error rate.

    Returns:
        metrics: for each of METRICS the change, its 95 % interval and a verdict; classes: for each
        class the numbers of images newly right and newly wrong, the change of its recall and a
        verdict; moved: the pairs of actual and predicted class whose counts changed most.
    """
    base_right, right = metrics.is_right(base), metrics.is_right(now)
    accuracy, classes = judge_right_answers(
        now["actual"], base_right, right, seed_margins, models_changed
    )
    rows = {"accuracy": accuracy}
    for name, (change, low, high) in _bootstrap_changes(base, now).items():
        margin = seed_margins[name] if seed_margins else None
        is_beyond_images = low > 0 or high < 0
        verdict = _verdict(change, is_beyond_images, margin, name in LOWER_IS_BETTER)
        rows[name] = {"change": change, "low": low, "high": high, "verdict": verdict}
    return {"metrics": rows, "classes": classes, "moved": _moved_pairs(base, now)}


def judge_right_answers(
    actual: pd.Series,
    base_right: np.ndarray,
    right: np.ndarray,
    seed_margins: dict | None,
    models_changed: int,
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Judge the change of the accuracy and of each class's recall.

    Args:
        actual: the class of each image, as categories.
        base_right, right: bool (n,), whether each prediction is right.
        seed_margins, models_changed: as in `judge_predictions`.

    Returns:
        The entry metrics.accuracy and the entry classes of `judge_predictions`.
    """
    margins = seed_margins or {}
    alpha = ALPHA / models_changed
    paired = metrics.compare(base_right, right)
    change, p = paired["accuracy_difference"], paired["mcnemar_p"]
    accuracy = {
        "change": change,
        "low": paired["accuracy_difference_low"],
        "high": paired["accuracy_difference_high"],
        "p": p,
        "verdict": _verdict(change, p < ACCURACY_SHARE * alpha, margins.get("accuracy")),
    }
    classes = {}
    class_names = actual.cat.categories
    class_alpha = (1 - ACCURACY_SHARE) * alpha / len(class_names)
    for name in class_names:
        chosen = (actual == name).to_numpy()
        if chosen.any():
            paired = metrics.compare(base_right[chosen], right[chosen])
            change, p = paired["accuracy_difference"], paired["mcnemar_p"]
            classes[name] = {
                "newly_right": paired["gained"],
                "newly_wrong": paired["lost"],
                "recall_change": change,
                "verdict": _verdict(change, p < class_alpha, margins.get("classes", {}).get(name)),
            }
    return accuracy, classes


def judge_accuracies(base: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Judge two accuracies of metrics/evaluate.json, as if measured on different images.

    It serves a base without predictions of each image, and a changed test set. The interval is
    Wald's for two independent proportions, far wider than a paired one.
    """
    change = now["accuracy"] - base["accuracy"]
    variance = sum(
        model["accuracy"] * (1 - model["accuracy"]) / _support(model) for model in (base, now)
    )
    margin = stats.norm.ppf(1 - ALPHA / 2) * np.sqrt(variance)
    low, high = change - margin, change + margin
    verdict = _verdict(change, low > 0 or high < 0, None)
    return {
        "metrics": {"accuracy": {"change": change, "low": low, "high": high, "verdict": verdict}},
        "classes": {},
        "moved": [],
    }


def status(accuracy: dict[str, Any], classes: dict[str, dict[str, Any]]) -> str:
    """Sum up what `judge_right_answers` returns. Other classes don't make up for one that lost."""
    has_lost = any(scores["verdict"] == WORSE for scores in classes.values())
    if has_lost and accuracy["verdict"] == BETTER:
        return MIXED
    return WORSE if has_lost else accuracy["verdict"]


def is_like_another_seed(
    changes: dict[str, Any], classes: dict[str, dict[str, Any]], seed_margins: dict | None
) -> bool:
    """Return whether accuracy and recalls moved by at most twice the difference of two seeds.

    Args:
        changes, classes: the entries metrics and classes of `judge_predictions`.
        seed_margins: as in `judge_predictions`.
    """
    margins = seed_margins or {}
    accuracy_margin = margins.get("accuracy", ASSUMED_ACCURACY_MARGIN)
    recall_margins = margins.get("classes", {})
    return abs(changes["accuracy"]["change"]) <= 2 * accuracy_margin and all(
        abs(scores["recall_change"]) <= 2 * recall_margins.get(name, ASSUMED_RECALL_MARGIN)
        for name, scores in classes.items()
    )


def _support(model: dict[str, Any]) -> int:
    return sum(scores["support"] for scores in model["classes"].values())


def _verdict(
    change: float, is_beyond_images: bool, margin: float | None, lower_is_better: bool = False
) -> str:
    is_beyond_seeds = margin is None or abs(change) > margin
    if not (is_beyond_images and is_beyond_seeds):
        return SAME
    return BETTER if (change < 0) == lower_is_better else WORSE


def _bootstrap_changes(
    base: pd.DataFrame, now: pd.DataFrame
) -> dict[str, tuple[float, float, float]]:
    """Return change and 95 % interval of the secondary metrics, by a paired bootstrap of images."""
    count = len(now)
    draws = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), RESAMPLES)
    # The first row is the test set itself.
    weights = np.vstack([np.ones(count), draws]).astype(np.float32)
    of_base, of_now = metrics.measure(base, weights), metrics.measure(now, weights)
    changes = {}
    for name in SECONDARY:
        change, *resampled = of_now[name] - of_base[name]
        low, high = np.quantile(resampled, [ALPHA / 2, 1 - ALPHA / 2])
        changes[name] = (float(change), float(low), float(high))
    return changes


def _moved_pairs(base: pd.DataFrame, now: pd.DataFrame, most: int = 5) -> list[dict[str, Any]]:
    base_counts, now_counts = _count_mistakes(base), _count_mistakes(now)
    moves = now_counts.sub(base_counts, fill_value=0).astype(int)
    moves = moves[moves != 0].sort_index().sort_values(key=lambda x: -x.abs(), kind="stable")
    return [
        {
            "actual": actual,
            "predicted": predicted,
            "base": int(base_counts.get((actual, predicted), 0)),
            "now": int(now_counts.get((actual, predicted), 0)),
        }
        for actual, predicted in moves.index[:most]
    ]


def _count_mistakes(table: pd.DataFrame) -> pd.Series:
    """Return the number of mistakes by actual and predicted class."""
    return table[~metrics.is_right(table)].groupby(["actual", "predicted"], observed=True).size()
