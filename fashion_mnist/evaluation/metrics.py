"""How good predictions are: every metric is computed from a predictions table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import confusion_matrix

CONFIDENCE = 0.95
CALIBRATION_BINS = 15
PREDICTION_COLUMNS = {"actual", "predicted", "probability", "actual_probability"}


def predictions(
    probabilities: np.ndarray, labels: np.ndarray, class_names: Sequence[str]
) -> pd.DataFrame:
    """Return the predictions table: one row per image, in their order.

    Its columns are actual and predicted, categories that are the names of the classes; probability,
    of the predicted class; and actual_probability, of the actual class.

    Args:
        probabilities: float32 (n, classes).
        labels: uint8 (n,).
        class_names: in the order of the labels.
    """
    names = pd.CategoricalDtype(list(class_names))
    return pd.DataFrame(
        {
            "actual": pd.Categorical.from_codes(labels.astype(int), dtype=names),
            "predicted": pd.Categorical.from_codes(probabilities.argmax(axis=1), dtype=names),
            "probability": probabilities.max(axis=1),
            "actual_probability": probabilities[np.arange(len(labels)), labels],
        }
    )


def with_classes(table: pd.DataFrame, class_names: Sequence[str]) -> pd.DataFrame:
    """Return a predictions table from a file, its names of classes as categories again.

    Raises:
        ValueError: the table lacks a column, or has a name that is no class.
    """
    if missing := PREDICTION_COLUMNS - set(table.columns):
        raise ValueError(f"columns {', '.join(sorted(missing))} are missing")
    for column in ("actual", "predicted"):
        strange = table.loc[~table[column].isin(class_names), column]
        if len(strange):
            raise ValueError(f"{column} = {strange.iloc[0]!r} is none of the classes")
    names = pd.CategoricalDtype(list(class_names))
    return table.astype({"actual": names, "predicted": names})


def class_names(table: pd.DataFrame) -> list[str]:
    """Return the names of the classes of a predictions table, in order."""
    return table["actual"].cat.categories.tolist()


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Return a predictions table with four digits per probability, for a file."""
    return table.assign(
        probability=table["probability"].round(4),
        # Significant digits, because the loss is a logarithm.
        actual_probability=[f"{value:.4g}" for value in table["actual_probability"]],
    )


def is_right(table: pd.DataFrame) -> np.ndarray:
    """Return whether each prediction is right, bool (n,)."""
    return (table["actual"] == table["predicted"]).to_numpy()


def measure(table: pd.DataFrame, weights: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Compute all metrics of a predictions table, for one or many weightings of its images.

    The expected calibration error is the mean distance between confidence and accuracy over
    CALIBRATION_BINS equal bins. Source: Guo et al., "On Calibration of Modern Neural Networks",
    arXiv 1706.04599, equation 3.

    Args:
        table: of n images, as `predictions` returns it.
        weights: of the images, float (m, n), such as the counts of m bootstrap samples; by default
            1 for each image, and m = 1.

    Returns:
        float64 (m,): accuracy, loss, macro_f1, expected_calibration_error; float64 (m, classes):
        precision, recall, f1, support. A quotient with a denominator of 0 is 0.
    """
    if weights is None:
        weights = np.ones((1, len(table)))
    total = weights.sum(axis=1, dtype=float)
    actual = _one_hot(table["actual"])
    predicted = _one_hot(table["predicted"])
    right = (actual & predicted).any(axis=1)
    hits = weights @ (actual & predicted)
    support = weights @ actual
    answers = weights @ predicted
    f1 = _ratio(2 * hits, support + answers)
    of_actual = table["actual_probability"].to_numpy(float)
    losses = -np.log(np.maximum(of_actual, np.finfo(np.float32).tiny))
    confidence = table["probability"].to_numpy(float)
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = np.eye(CALIBRATION_BINS)[bins] * (right - confidence)[:, None]
    return {
        "accuracy": weights @ right.astype(float) / total,
        "loss": weights @ losses / total,
        "macro_f1": f1.mean(axis=1),
        "expected_calibration_error": np.abs(weights @ gaps).sum(axis=1) / total,
        "precision": _ratio(hits, answers),
        "recall": _ratio(hits, support),
        "f1": f1,
        "support": support,
    }


def _one_hot(names: pd.Series) -> np.ndarray:
    """Return bool (n, classes), in the order of the classes."""
    return names.cat.codes.to_numpy()[:, None] == np.arange(len(names.cat.categories))


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(
        numerator, denominator, out=np.zeros(numerator.shape), where=denominator > 0, dtype=float
    )


def summarize(table: pd.DataFrame) -> dict[str, float]:
    """Return the metrics of a predictions table as a whole, the accuracy with its interval."""
    measured = measure(table)
    low, high = accuracy_interval(is_right(table))
    return {
        "accuracy": float(measured["accuracy"][0]),
        "accuracy_low": low,
        "accuracy_high": high,
        "loss": float(measured["loss"][0]),
        "macro_f1": float(measured["macro_f1"][0]),
        "expected_calibration_error": float(measured["expected_calibration_error"][0]),
    }


def by_class(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return precision, recall, f1 and support of each class, by name.

    A dict, not a list, because `dvc metrics diff` skips lists.
    """
    measured = measure(table)
    return {
        name: {
            "precision": float(measured["precision"][0, label]),
            "recall": float(measured["recall"][0, label]),
            "f1": float(measured["f1"][0, label]),
            "support": int(measured["support"][0, label]),
        }
        for label, name in enumerate(class_names(table))
    }


def accuracy_interval(right: np.ndarray) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of an accuracy; `right` is bool (n,).

    Source: Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22 (1927).
    """
    test = stats.binomtest(int(right.sum()), len(right))
    interval = test.proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def mean_interval(values: np.ndarray) -> dict[str, float]:
    """Return the mean of values, float (n,), with its 95 % interval (normal approximation)."""
    mean = float(values.mean())
    margin = float(stats.norm.ppf((1 + CONFIDENCE) / 2) * values.std() / np.sqrt(len(values)))
    return {"mean": mean, "low": mean - margin, "high": mean + margin}


def decisions(table: pd.DataFrame, sure_from: float) -> dict[str, float]:
    """Return the share of sure answers and their accuracy, which is 0 where no answer is sure.

    Args:
        table: of predictions with calibrated probabilities.
        sure_from: the probability from which an answer is sure.
    """
    sure = (table["probability"] >= sure_from).to_numpy()
    right = is_right(table)
    return {
        "sure_share": float(sure.mean()),
        "sure_accuracy": float(right[sure].mean()) if sure.any() else 0.0,
    }


def compare(base_right: np.ndarray, right: np.ndarray) -> dict[str, Any]:
    """Compare two trained models on the very same images.

    `mcnemar_p` is from the exact McNemar test: of the images that only one model gets right,
    equally good models would each get half. The interval of the difference is that of Agresti and
    Min, "Simple improved confidence intervals for comparing matched proportions", Statistics in
    Medicine 24 (2005): Wald's, with half an observation added to each cell. Both hold for these
    two models, not for other training seeds.

    Args:
        base_right, right: bool (n,), whether each model is right, in the same order of images.
    """
    gained = int((right & ~base_right).sum())
    lost = int((base_right & ~right).sum())
    count = len(right) + 2
    centre = (gained - lost) / count
    spread = np.sqrt((gained + lost + 1) / count - centre**2) / np.sqrt(count)
    margin = stats.norm.ppf((1 + CONFIDENCE) / 2) * spread
    return {
        "accuracy_difference": (gained - lost) / len(right),
        "accuracy_difference_low": float(centre - margin),
        "accuracy_difference_high": float(centre + margin),
        "gained": gained,
        "lost": lost,
        "mcnemar_p": float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0,
    }


def most_confident_mistakes(table: pd.DataFrame) -> np.ndarray:
    """Return the positions, int64 (m,), of the wrong predictions, the most probable first."""
    wrong = np.flatnonzero(~is_right(table))
    confidence = table["probability"].to_numpy()[wrong]
    return wrong[np.argsort(-confidence, kind="stable")]


def confusion(table: pd.DataFrame) -> np.ndarray:
    """Return the confusion matrix, int64 (classes, classes): actual by predicted classes."""
    return confusion_matrix(table["actual"], table["predicted"], labels=class_names(table))
