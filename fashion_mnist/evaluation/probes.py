"""What a layer's activations hold: how much of the image, and how much of its class.

Linear probes, after Alain and Bengio, "Understanding intermediate layers using linear classifier
probes", arXiv 1610.01644. Each probe is fitted on some images and measured on others.
"""

from typing import NamedTuple

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.preprocessing import StandardScaler

from fashion_mnist.evaluation import metrics

# Every layer is reduced to as many dimensions, so that a wide layer has no advantage.
DIMENSIONS = 128
HELD_OUT = 0.2  # the share of images that measure the probes
RIDGE_PENALTIES = (1.0, 10.0, 100.0, 1000.0)
RESAMPLES = 1000
SIGNAL_SHARE = 0.9  # of the class signal, for `units_for_classes`


class Halves(NamedTuple):
    """Positions of the images that fit the probes, and of those that measure them."""

    fit: np.ndarray
    held_out: np.ndarray


def split(count: int) -> Halves:
    """Return disjoint random positions among `count` images, the same each time."""
    order = np.random.default_rng(0).permutation(count)
    held_out = max(1, int(HELD_OUT * count))
    return Halves(order[held_out:], order[:held_out])


def reduce(activations: np.ndarray, halves: Halves) -> np.ndarray:
    """Return the principal components of activations, standardized: float64 (n, DIMENSIONS).

    Args:
        activations: float32 (n, ...).
        halves: the components are those of `halves.fit`.
    """
    flat = activations.reshape(len(activations), -1)
    # The last component of as many images as dimensions is rounding error, which scaling would
    # enlarge.
    dimensions = min(DIMENSIONS, flat.shape[1], max(1, len(halves.fit) - 1))
    pca = PCA(dimensions, svd_solver="randomized", iterated_power=2, random_state=0)
    pca.fit(flat[halves.fit])
    components = pca.transform(flat)
    scaler = StandardScaler().fit(components[halves.fit])
    return scaler.transform(components)


def image_share(reduced: np.ndarray, images: np.ndarray, halves: Halves) -> dict[str, float]:
    """Measure how well a ridge regression gives back the images.

    Args:
        reduced: as `reduce` returns it.
        images: float32 (n, side, side, channels).
        halves: as in `reduce`.

    Returns:
        The share of the held-out images' variance that is explained, with its 95 % interval, from
        a bootstrap of the images.
    """
    pixels = images.reshape(len(images), -1)
    ridge = RidgeCV(RIDGE_PENALTIES).fit(reduced[halves.fit], pixels[halves.fit])
    actual = pixels[halves.held_out]
    errors = np.square(actual - ridge.predict(reduced[halves.held_out])).sum(axis=1)
    variances = np.square(actual - pixels[halves.fit].mean(axis=0)).sum(axis=1)
    count = len(actual)
    weights = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), RESAMPLES)
    low, high = np.quantile(1 - weights @ errors / (weights @ variances), [0.025, 0.975])
    return {
        "share": float(1 - errors.sum() / variances.sum()),
        "low": float(low),
        "high": float(high),
    }


def class_accuracy(reduced: np.ndarray, labels: np.ndarray, halves: Halves) -> dict[str, float]:
    """Measure how well a logistic regression tells the classes.

    Args:
        reduced: as `reduce` returns it.
        labels: uint8 (n,).
        halves: as in `reduce`.

    Returns:
        The accuracy on the held-out images with its 95 % Wilson interval.
    """
    probe = _fit_classes(reduced[halves.fit], labels[halves.fit])
    right = probe.predict(reduced[halves.held_out]) == labels[halves.held_out]
    low, high = metrics.accuracy_interval(right)
    return {"accuracy": float(right.mean()), "low": low, "high": high}


def units_for_classes(
    activations: np.ndarray, labels: np.ndarray, halves: Halves
) -> dict[str, float | None]:
    """Count the units that carry SIGNAL_SHARE of what a layer says about the classes.

    A logistic regression reads the mean activation of each unit. Its units are ordered by their
    weights. All but the first k are replaced by their means, and k grows until the accuracy above
    chance is SIGNAL_SHARE of that with all units.

    Args:
        activations: float32 (n, height, width, units), or (n, units).
        labels: uint8 (n,).
        halves: as in `reduce`.

    Returns:
        units: k; units_share: k as a share of all units; units_accuracy: with all units.
    """
    means = activations.reshape(len(activations), -1, activations.shape[-1]).mean(axis=1)
    units = StandardScaler().fit(means[halves.fit]).transform(means)
    probe = _fit_classes(units[halves.fit], labels[halves.fit])
    order = np.argsort(-np.linalg.norm(probe.coef_, axis=0), kind="stable")
    held_out, actual = units[halves.held_out], labels[halves.held_out]
    chance = 1 / len(probe.classes_)
    accuracy = probe.score(held_out, actual)
    wanted = chance + SIGNAL_SHARE * (accuracy - chance)
    logits = np.tile(probe.intercept_, (len(held_out), 1))
    needed = len(order)
    for position, unit in enumerate(order, start=1):
        logits += np.outer(held_out[:, unit], probe.coef_[:, unit])
        if (probe.classes_[logits.argmax(axis=1)] == actual).mean() >= wanted:
            needed = position
            break
    return {
        "units": needed,
        "units_share": needed / len(order),
        "units_accuracy": float(accuracy),
    }


def _fit_classes(inputs: np.ndarray, labels: np.ndarray) -> LogisticRegression:
    return LogisticRegression(C=0.1, max_iter=300).fit(inputs, labels)
