"""Whether one model is better than another on the same test images, or only differs by chance.

Two things make accuracies differ that are no progress: which images the test set happens to hold,
and the training seed. A change counts as measurable when it is more than both:

- the exact McNemar test on the very same images (Dietterich, "Approximate Statistical Tests for
  Comparing Supervised Classification Learning Algorithms", Neural Computation 10 (1998)) rejects
  equality. Of its 5 %, four fifths go to the accuracy and one fifth to the ten classes, shared by
  the models that changed (Bonferroni), so that a whole report errs in at most 5 % of cases;
- it exceeds what two training seeds differ by, sqrt(2) x 1.96 standard deviations, where that
  deviation has been measured.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from fashion_mnist import metrics
from fashion_mnist.dataset import CLASS_NAMES

BETTER, WORSE, SAME = "better", "worse", "no measurable change"
ALPHA = 0.05
ACCURACY_SHARE = 0.8
RESAMPLES = 1000
CALIBRATION_BINS = 15
LOWER_IS_BETTER = ("loss", "expected_calibration_error")
SECONDARY = ("loss", "macro_f1", "expected_calibration_error")


def compare(
    base: pd.DataFrame, now: pd.DataFrame, spread: dict | None, models_changed: int
) -> dict[str, Any]:
    """Compare the predictions of one model at two revisions.

    Args:
        base, now: tables of `metrics.predictions`, of the same images in the same order.
        spread: standard deviations over training seeds, as seed_spread.json has them for the
            model; None where they are unknown.
        models_changed: how many models the report compares; they share its error rate.

    Returns:
        metrics: for accuracy, loss, macro_f1 and expected_calibration_error the change, its 95 %
            interval and a verdict; classes: for each class images newly right and newly wrong,
            the change of its recall and a verdict; moved: the pairs of actual and predicted
            class whose counts changed most.
    """
    spread = spread or {}
    right, base_right = (table["actual"] == table["predicted"] for table in (now, base))
    alpha = ALPHA / models_changed
    paired = metrics.compare(right.to_numpy(), base_right.to_numpy())
    rows = {
        "accuracy": {
            "change": paired["accuracy_difference"],
            "low": paired["accuracy_difference_low"],
            "high": paired["accuracy_difference_high"],
            "p": paired["mcnemar_p"],
            "verdict": _judge(
                paired["accuracy_difference"],
                paired["mcnemar_p"] < ACCURACY_SHARE * alpha,
                spread.get("accuracy"),
            ),
        }
    }
    for name, (change, low, high) in _resampled_changes(base, now).items():
        verdict = _judge(change, low > 0 or high < 0, spread.get(name), name in LOWER_IS_BETTER)
        rows[name] = {"change": change, "low": low, "high": high, "verdict": verdict}

    classes = {}
    class_alpha = (1 - ACCURACY_SHARE) * alpha / len(CLASS_NAMES)
    for name in CLASS_NAMES:
        of_class = (now["actual"] == name).to_numpy()
        if not of_class.any():
            continue
        result = metrics.compare(right[of_class].to_numpy(), base_right[of_class].to_numpy())
        classes[name] = {
            "newly_right": result["gained"],
            "newly_wrong": result["lost"],
            "recall_change": result["accuracy_difference"],
            "verdict": _judge(
                result["accuracy_difference"],
                result["mcnemar_p"] < class_alpha,
                spread.get("classes", {}).get(name),
            ),
        }
    return {"metrics": rows, "classes": classes, "moved": _moved_pairs(base, now)}


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
    verdict = _judge(change, low > 0 or high < 0, None)
    return {
        "metrics": {"accuracy": {"change": change, "low": low, "high": high, "verdict": verdict}},
        "classes": {},
        "moved": [],
    }


def _support(model: dict) -> int:
    return sum(scores["support"] for scores in model["classes"].values())


def _judge(
    change: float, beyond_images: bool, seed_sd: float | None, lower_is_better: bool = False
) -> str:
    beyond_seeds = seed_sd is None or abs(change) > np.sqrt(2) * stats.norm.ppf(0.975) * seed_sd
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
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = np.eye(CALIBRATION_BINS)[bins] * (right - confidence)[:, None]
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
