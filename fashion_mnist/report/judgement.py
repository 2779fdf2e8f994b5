"""Whether one model is better than another on the same test images, or only differs by chance.

Two things make accuracies differ that are no progress: which images the test set happens to hold,
and the training seed. A change counts as measurable when it is more than both:

- the exact McNemar test on the very same images (Dietterich, "Approximate Statistical Tests for
  Comparing Supervised Classification Learning Algorithms", Neural Computation 10 (1998)) rejects
  equality. Of its 5 %, four fifths go to the accuracy and one fifth to the ten classes, shared by
  the models that changed (Bonferroni), so that a whole report errs in at most 5 % of cases;
- it exceeds what two training seeds differ by in 95 % of cases, where that has been measured
  (fashion_mnist.seed_spread).
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from fashion_mnist import metrics
from fashion_mnist.dataset import CLASS_NAMES

BETTER, WORSE, MIXED = "better", "worse", "mixed"
SAME, NO_BASELINE = "no measurable change", "no baseline"
ALPHA = 0.05
ACCURACY_SHARE = 0.8
RESAMPLES = 1000
LOWER_IS_BETTER = ("loss", "expected_calibration_error")
SECONDARY = ("loss", "macro_f1", "expected_calibration_error")
METRICS = ("accuracy", *SECONDARY)


def compare(
    base: pd.DataFrame, now: pd.DataFrame, seed_margins: dict | None, models_changed: int
) -> dict[str, Any]:
    """Compare the predictions of one model at two revisions.

    Args:
        base, now: tables of `metrics.predictions`, of the same images in the same order.
        seed_margins: what two seeds differ by, as two_runs_differ_by of seed_spread.json; None
            where it is unknown.
        models_changed: how many models the report compares; they share its error rate.

    Returns:
        metrics: for accuracy, loss, macro_f1 and expected_calibration_error the change, its 95 %
            interval and a verdict; classes: for each class images newly right and newly wrong,
            the change of its recall and a verdict; moved: the pairs of actual and predicted
            class whose counts changed most.
    """
    right, base_right = (
        (table["actual"] == table["predicted"]).to_numpy() for table in (now, base)
    )
    accuracy, classes = judge(
        now["actual"].to_numpy(), base_right, right, seed_margins, models_changed
    )
    rows = {"accuracy": accuracy}
    for name, (change, low, high) in _resampled_changes(base, now).items():
        margin = seed_margins[name] if seed_margins else None
        verdict = _verdict(change, low > 0 or high < 0, margin, name in LOWER_IS_BETTER)
        rows[name] = {"change": change, "low": low, "high": high, "verdict": verdict}
    return {"metrics": rows, "classes": classes, "moved": _moved_pairs(base, now)}


def judge(
    actual: np.ndarray,
    base_right: np.ndarray,
    right: np.ndarray,
    seed_margins: dict | None,
    models_changed: int,
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Judge the change of the accuracy and of each class's recall.

    Args:
        actual: class names (n,).
        base_right, right: bool (n,), whether each image is predicted right.
        seed_margins, models_changed: as in `compare`.

    Returns:
        The entries accuracy and classes of what `compare` returns.
    """
    margins = seed_margins or {}
    alpha = ALPHA / models_changed
    paired = metrics.compare(right, base_right)
    change, p = paired["accuracy_difference"], paired["mcnemar_p"]
    accuracy = {
        "change": change,
        "low": paired["accuracy_difference_low"],
        "high": paired["accuracy_difference_high"],
        "p": p,
        "verdict": _verdict(change, p < ACCURACY_SHARE * alpha, margins.get("accuracy")),
    }
    classes = {}
    class_alpha = (1 - ACCURACY_SHARE) * alpha / len(CLASS_NAMES)
    for name in CLASS_NAMES:
        chosen = actual == name
        if chosen.any():
            paired = metrics.compare(right[chosen], base_right[chosen])
            change, p = paired["accuracy_difference"], paired["mcnemar_p"]
            classes[name] = {
                "newly_right": paired["gained"],
                "newly_wrong": paired["lost"],
                "recall_change": change,
                "verdict": _verdict(change, p < class_alpha, margins.get("classes", {}).get(name)),
            }
    return accuracy, classes


def status(accuracy: dict[str, Any], classes: dict[str, dict[str, Any]]) -> str:
    """Sum up what `judge` returns: a class that lost is not made good by the others."""
    lost = any(scores["verdict"] == WORSE for scores in classes.values())
    if lost and accuracy["verdict"] == BETTER:
        return MIXED
    return WORSE if lost else accuracy["verdict"]


def is_like_another_seed(
    changes: dict[str, Any], classes: dict[str, dict[str, Any]], seed_margins: dict | None
) -> bool:
    """Tell whether accuracy and recalls moved by at most twice what two seeds differ by.

    Args:
        changes, classes: the entries metrics and classes of what `compare` returns.
        seed_margins: as in `compare`; where unknown, half a point of accuracy, 3 of a recall.
    """
    margins = seed_margins or {"accuracy": 0.005}
    of_class = margins.get("classes", {})
    return abs(changes["accuracy"]["change"]) <= 2 * margins["accuracy"] and all(
        abs(scores["recall_change"]) <= 2 * of_class.get(name, 0.03)
        for name, scores in classes.items()
    )


def compare_unpaired(base: dict, now: dict) -> dict[str, Any]:
    """Compare accuracies from metrics/evaluate.json, as if of different images.

    For a base without predictions for each image, and for a changed test set. The interval is
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


def _support(model: dict) -> int:
    return sum(scores["support"] for scores in model["classes"].values())


def _verdict(
    change: float, beyond_images: bool, margin: float | None, lower_is_better: bool = False
) -> str:
    beyond_seeds = margin is None or abs(change) > margin
    if not (beyond_images and beyond_seeds):
        return SAME
    return BETTER if (change < 0) == lower_is_better else WORSE


def _resampled_changes(
    base: pd.DataFrame, now: pd.DataFrame
) -> dict[str, tuple[float, float, float]]:
    """Change and 95 % interval of the secondary metrics, from a paired bootstrap of the images."""
    count = len(now)
    draws = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), RESAMPLES)
    # The first row is the test set itself.
    weights = np.vstack([np.ones(count), draws]).astype(np.float32)
    values = {name: [] for name in SECONDARY}
    for table in (base, now):
        for name, column in _weighted_metrics(table, weights).items():
            values[name].append(column)
    changes = {}
    for name, (of_base, of_now) in values.items():
        change, *resampled = of_now - of_base
        low, high = np.quantile(resampled, [ALPHA / 2, 1 - ALPHA / 2])
        changes[name] = (float(change), float(low), float(high))
    return changes


def _weighted_metrics(table: pd.DataFrame, weights: np.ndarray) -> dict[str, np.ndarray]:
    """The secondary metrics under each row of image weights, all from sums over images."""
    total = weights.sum(axis=1)
    actual, predicted = (
        np.stack([table[column] == name for name in CLASS_NAMES], axis=1)
        for column in ("actual", "predicted")
    )
    right = (actual & predicted).any(axis=1)
    f1_parts = 2 * (weights @ (actual & predicted)), weights @ actual + weights @ predicted
    confidence = table["probability"].to_numpy()
    bins = metrics.calibration_bin(confidence)
    gaps = np.eye(metrics.CALIBRATION_BINS)[bins] * (right - confidence)[:, None]
    losses = -np.log(np.maximum(table["actual_probability"], np.finfo(np.float32).tiny))
    return {
        "loss": weights @ losses.to_numpy() / total,
        "macro_f1": (f1_parts[0] / np.maximum(f1_parts[1], 1)).mean(axis=1),
        "expected_calibration_error": np.abs(weights @ gaps).sum(axis=1) / total,
    }


def _moved_pairs(base: pd.DataFrame, now: pd.DataFrame, most: int = 5) -> list[dict[str, Any]]:
    base_counts, now_counts = (
        table[table["actual"] != table["predicted"]].groupby(["actual", "predicted"]).size()
        for table in (base, now)
    )
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
