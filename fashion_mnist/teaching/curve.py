"""How many pictures a head needs: its accuracy by the number that it learns from."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fashion_mnist.params.head import Train
from fashion_mnist.teaching.fit import Checked, Examples, classify

SHARES = (1 / 8, 1 / 4, 1 / 2)  # of the examples, to learn from


class Point(NamedTuple):
    """The accuracy after learning from a number of pictures."""

    pictures: int
    accuracy: float


def learning_curve(
    examples: Examples,
    classes: int,
    checked: Checked,
    settings: Train,
    shares: Sequence[float] = SHARES,
) -> list[Point]:
    """Measure on the folds of a cross-validation, learning from shares of the pictures.

    Args:
        examples: those of the cross-validation.
        classes: the number of classes.
        checked: its result, the curve's last point.
        settings: of the fits.
        shares: of the examples, to learn from.
    """
    rng = np.random.default_rng(settings.seed)
    points = []
    for share in shares:
        right, learned_from = [], []
        for fold in np.unique(checked.folds):
            is_held_out = checked.folds == fold
            learned = examples.take(_of_each_class(examples, ~is_held_out, share, rng))
            held_out = examples.take(np.flatnonzero(is_held_out))
            probabilities = classify(learned, held_out.features, classes, settings)
            right.append(probabilities.argmax(axis=1) == held_out.labels)
            learned_from.append(len(learned.labels))
        points.append(Point(round(np.mean(learned_from)), float(np.concatenate(right).mean())))
    folds, counts = np.unique(checked.folds, return_counts=True)
    everything = round(len(checked.folds) - counts.mean()) if len(folds) > 1 else len(checked.folds)
    return [*points, Point(everything, float((checked.predicted == examples.labels).mean()))]


def _of_each_class(
    examples: Examples, allowed: np.ndarray, share: float, rng: np.random.Generator
) -> np.ndarray:
    """Return random positions among the allowed ones, a share of each class, at least one."""
    chosen = []
    for label in np.unique(examples.labels):
        of_class = np.flatnonzero(allowed & (examples.labels == label))
        chosen.append(rng.permutation(of_class)[: max(1, round(share * len(of_class)))])
    return np.concatenate(chosen)


def with_twice_as_many(points: Sequence[Point]) -> float | None:
    """Return the accuracy that twice the pictures of the last point would bring.

    The error rate falls as a power of the number of pictures, a line in logarithms.
    Source: Hestness et al., "Deep Learning Scaling is Predictable, Empirically", arXiv 1712.00409.
    None where there is no error left, no falling line, or no line at all.
    """
    pictures = np.array([point.pictures for point in points], float)
    errors = 1 - np.array([point.accuracy for point in points])
    if not (errors > 0).all() or len(set(pictures)) < 2:
        return None
    slope, height = np.polyfit(np.log(pictures), np.log(errors), 1)
    if slope >= 0:
        return None
    expected = np.exp(height + slope * np.log(2 * pictures[-1]))
    return float(1 - min(expected, errors[-1]))
