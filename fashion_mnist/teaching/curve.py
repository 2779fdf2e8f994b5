"""How many pictures a head needs: its accuracy by the number that it learns from."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fashion_mnist.params.photographs import Train
from fashion_mnist.teaching.examples import Examples
from fashion_mnist.teaching.fit import Checked, classify

DRAWS = 3  # of the examples to learn from, for each size and fold


class Point(NamedTuple):
    """The accuracy after learning from `pictures`: mean and standard deviation over draws."""

    pictures: int
    accuracy: float
    deviation: float


def learning_curve(
    examples: Examples, classes: int, checked: Checked, sizes: Sequence[int], settings: Train
) -> list[Point]:
    """Measure on the folds of a cross-validation, learning from fewer pictures.

    Args:
        examples: those of the cross-validation.
        classes: the number of classes.
        checked: its result.
        sizes: the numbers of pictures to learn from; a fold that has fewer uses all of its own.
        settings: of the fits.
    """
    rng = np.random.default_rng(settings.seed)
    points = []
    for size in sizes:
        accuracies = []
        for _ in range(DRAWS):
            right = np.zeros(len(examples.labels), bool)
            for fold in np.unique(checked.folds):
                others = np.flatnonzero(checked.folds != fold)
                held_out = np.flatnonzero(checked.folds == fold)
                learned = rng.permutation(others)[:size]
                probabilities = classify(
                    examples.take(learned), examples.features[held_out], classes, settings
                )
                right[held_out] = probabilities.argmax(axis=1) == examples.labels[held_out]
            accuracies.append(right.mean())
        points.append(Point(size, float(np.mean(accuracies)), float(np.std(accuracies, ddof=1))))
    return points


def with_twice_as_many(points: Sequence[Point]) -> float | None:
    """Return the accuracy that twice the pictures of the last point would bring.

    The error rate falls as a power of the number of pictures, a line in logarithms.
    Source: Hestness et al., "Deep Learning Scaling is Predictable, Empirically", arXiv 1712.00409.
    None where there is no error left, or no falling line.
    """
    pictures = np.array([point.pictures for point in points], float)
    errors = 1 - np.array([point.accuracy for point in points])
    if len(points) < 3 or not (errors > 0).all():
        return None
    slope, height = np.polyfit(np.log(pictures), np.log(errors), 1)
    if slope >= 0:
        return None
    expected = np.exp(height + slope * np.log(2 * pictures[-1]))
    return float(1 - min(expected, errors[-1]))
