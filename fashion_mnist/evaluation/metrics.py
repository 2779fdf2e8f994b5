"""How good predictions are, each figure with its noise."""

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from fashion_mnist.dataset import CLASS_NAMES

CONFIDENCE = 0.95
CALIBRATION_BINS = 15


def accuracy_interval(correct: np.ndarray) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of an accuracy; `correct` is bool (n,).

    Source: Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22 (1927).
    """
    test = stats.binomtest(int(correct.sum()), len(correct))
    low, high = test.proportion_ci(CONFIDENCE, method="wilson")
    return float(low), float(high)


def mean_interval(values: np.ndarray) -> dict[str, float]:
    """Return the mean of values, float (n,), with its 95 % interval (normal approximation)."""
    mean = float(values.mean())
    margin = float(stats.norm.ppf((1 + CONFIDENCE) / 2) * values.std() / np.sqrt(len(values)))
    return {"mean": mean, "low": mean - margin, "high": mean + margin}


def expected_calibration_error(confidences: np.ndarray, correct: np.ndarray) -> float:
    """Return the mean distance between confidence and accuracy over CALIBRATION_BINS equal bins.

    Source: Guo et al., "On Calibration of Modern Neural Networks", arXiv 1706.04599, equation 3.

    Args:
        confidences: probabilities of the predicted classes, float (n,) in [0, 1].
        correct: bool (n,).
    """
    gaps = np.bincount(calibration_bin(confidences), correct - confidences.astype(float))
    return float(np.abs(gaps).sum() / len(correct))


def calibration_bin(confidences: np.ndarray) -> np.ndarray:
    """Return the position of each confidence, float (n,) in [0, 1], among CALIBRATION_BINS."""
    return np.minimum((confidences * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)


def evaluate(probabilities: np.ndarray, labels: np.ndarray) -> dict:
    """Return what metrics/evaluate.json says of one model.

    Args:
        probabilities: float32 (n, 10).
        labels: uint8 (n,).
    """
    predicted = probabilities.argmax(axis=1)
    correct = predicted == labels
    low, high = accuracy_interval(correct)
    of_label = probabilities[np.arange(len(labels)), labels].astype(float)
    scores = precision_recall_fscore_support(
        labels, predicted, labels=range(len(CLASS_NAMES)), zero_division=0.0
    )
    # Dicts, not lists: `dvc metrics diff` passes over lists.
    per_class = {
        name: {
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
            "support": int(support),
        }
        for name, precision, recall, f1, support in zip(CLASS_NAMES, *scores, strict=True)
    }
    return {
        "accuracy": float(correct.mean()),
        "accuracy_low": low,
        "accuracy_high": high,
        "loss": float(-np.log(np.maximum(of_label, np.finfo(np.float32).tiny)).mean()),
        "macro_f1": float(scores[2].mean()),
        "expected_calibration_error": expected_calibration_error(
            probabilities.max(axis=1), correct
        ),
        "classes": per_class,
    }


def decisions(probabilities: np.ndarray, labels: np.ndarray, sure_from: float) -> dict[str, float]:
    """Return the share of sure answers and their accuracy, 0 where there are none.

    Args:
        probabilities: float32 (n, 10), calibrated.
        labels: uint8 (n,).
        sure_from: the probability from which an answer is sure.
    """
    sure = probabilities.max(axis=1) >= sure_from
    correct = probabilities.argmax(axis=1) == labels
    return {
        "sure_share": float(sure.mean()),
        "sure_accuracy": float(correct[sure].mean()) if sure.any() else 0.0,
    }


def compare(correct: np.ndarray, baseline_correct: np.ndarray) -> dict[str, float]:
    """Compare two trained models on the very same images.

    `mcnemar_p` is from the exact McNemar test: of the images that only one of the two gets right,
    equally good models would get half each. The interval of the difference is that of Agresti and
    Min, "Simple improved confidence intervals for comparing matched proportions", Statistics in
    Medicine 24 (2005): Wald's, with half an observation added to each cell. Both speak of these
    two models, not of what another training seed would give.

    Args:
        correct, baseline_correct: bool (n,), of the same images in the same order.
    """
    gained = int((correct & ~baseline_correct).sum())
    lost = int((baseline_correct & ~correct).sum())
    count = len(correct) + 2
    centre = (gained - lost) / count
    spread = np.sqrt((gained + lost + 1) / count - centre**2) / np.sqrt(count)
    margin = stats.norm.ppf((1 + CONFIDENCE) / 2) * spread
    return {
        "accuracy_difference": (gained - lost) / len(correct),
        "accuracy_difference_low": float(centre - margin),
        "accuracy_difference_high": float(centre + margin),
        "gained": gained,
        "lost": lost,
        "mcnemar_p": float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0,
    }


def predictions(probabilities: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Return a row an image, in their order: actual and predicted class, probability of each.

    Args:
        probabilities: float32 (n, 10).
        labels: uint8 (n,).
    """
    names = np.array(CLASS_NAMES)
    of_actual = probabilities[np.arange(len(labels)), labels]
    return pd.DataFrame(
        {
            "actual": names[labels],
            "predicted": names[probabilities.argmax(axis=1)],
            "probability": probabilities.max(axis=1).round(4),
            # Significant digits: the loss is a logarithm.
            "actual_probability": [f"{value:.4g}" for value in of_actual],
        }
    )


def most_confident_mistakes(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the positions, int64 (m,), of the wrong predictions, the most probable first."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")]


def confusion(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return int64 (10, 10): rows are true classes, columns predicted ones."""
    return confusion_matrix(labels, predicted, labels=range(len(CLASS_NAMES)))
