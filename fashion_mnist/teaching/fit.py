"""Fitting a head, and what it answers about pictures of people that it has not learned from."""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from fashion_mnist.concurrency import one_blas_thread
from fashion_mnist.inference.head import Head, Info, similarity, softmax
from fashion_mnist.inference.similarity import unit_length
from fashion_mnist.params.head import Train

# A feature that hardly varies among the examples must not decide; of the mean standard deviation.
LEAST_SPREAD = 0.1
ABSENT = -1e4  # the logit of a class without examples


class Examples(NamedTuple):
    """Features float32 (n, units), labels int64 (n,), and groups int64 (n,): what belongs together.

    Pictures of a group, such as those of one person, are never on both sides of a measurement.
    """

    features: np.ndarray
    labels: np.ndarray
    groups: np.ndarray

    def take(self, positions: np.ndarray) -> "Examples":
        """Return some of the examples."""
        return Examples(*(array[positions] for array in self))


class Checked(NamedTuple):
    """Answers about examples, each by a head that did not learn from its group.

    probabilities: float32 (n, classes); similarities: float32 (n,); folds: int64 (n,).
    """

    probabilities: np.ndarray
    similarities: np.ndarray
    folds: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """The labels of the top classes, int64 (n,)."""
        return self.probabilities.argmax(axis=1)


def fit(
    examples: Examples,
    class_names: Sequence[str],
    checked: Checked,
    settings: Train,
    *,
    item: str,
    other: str | None,
    backbone: str,
) -> Head:
    """Return the head that learns from all examples.

    Args:
        examples: labelled in the order of the class names.
        class_names: at least two.
        checked: what cross-validation found; it sets the thresholds.
        settings: of the fit.
        item: what the pictures show, in the singular.
        other: the class of items that are in none of the others, or None.
        backbone: the identity of the network that the features are of.
    """
    weights, bias = _fit_classifier(examples, len(class_names), settings)
    info = Info(
        item=item,
        classes=list(class_names),
        other=other,
        backbone=backbone,
        sure_from=sure_from(
            checked.probabilities.max(axis=1),
            checked.predicted == examples.labels,
            settings.sure_accuracy,
        ),
        known_from=float(np.quantile(checked.similarities, settings.unknown_share).clip(0, 1)),
        pictures=len(examples.labels),
        train=settings,
    )
    return Head(info, weights, bias, _references(examples, settings))


def cross_validate(examples: Examples, classes: int, settings: Train) -> Checked:
    """Answer about every example by a head that learned from other groups.

    Args:
        examples: of at least two groups.
        classes: the number of classes.
        settings: of the fits and the folds.
    """
    count = len(examples.labels)
    probabilities = np.zeros((count, classes), np.float32)
    similarities, folds = np.zeros(count, np.float32), np.zeros(count, int)
    for fold, (train, held_out) in enumerate(_folds(examples, settings)):
        learned = examples.take(train)
        features = examples.features[held_out]
        probabilities[held_out] = classify(learned, features, classes, settings)
        similarities[held_out] = similarity(features, _references(learned, settings))
        folds[held_out] = fold
    return Checked(probabilities, similarities, folds)


def classify(learned: Examples, features: np.ndarray, classes: int, settings: Train) -> np.ndarray:
    """Return the probabilities, float32 (n, classes), of features, float32 (n, units).

    Args:
        learned: the examples that the classifier learns from.
        features: of the pictures to classify.
        classes: the number of classes.
        settings: of the fit.
    """
    weights, bias = _fit_classifier(learned, classes, settings)
    return softmax(features @ weights + bias)


def _folds(examples: Examples, settings: Train) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the positions to learn from and those held out, by fold; groups stay together."""
    groups_of_class = [
        len(np.unique(examples.groups[examples.labels == label]))
        for label in np.unique(examples.labels)
    ]
    count = max(2, min(settings.folds, *groups_of_class))
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=settings.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of classes with a single group
        found = list(splitter.split(examples.features, examples.labels, examples.groups))
    return [(train, held_out) for train, held_out in found if len(train) and len(held_out)]


@one_blas_thread
def _fit_classifier(
    examples: Examples, classes: int, settings: Train
) -> tuple[np.ndarray, np.ndarray]:
    """Return weights, float32 (units, classes), and bias, float32 (classes,).

    They are those of a multinomial logistic regression on standardised features, in which all
    classes count alike; the standardisation is folded in.
    """
    mean, spread = examples.features.mean(axis=0), examples.features.std(axis=0)
    spread = np.maximum(spread, LEAST_SPREAD * max(spread.mean(), 1e-6))
    weights = np.zeros((examples.features.shape[1], classes), np.float32)
    bias = np.full(classes, ABSENT, np.float32)
    present = np.unique(examples.labels)
    if len(present) == 1:
        bias[present] = 0
        return weights, bias
    regression = LogisticRegression(
        C=settings.regularization, class_weight="balanced", solver="newton-cg"
    )
    with warnings.catch_warnings():
        # Of few pictures for many classes, and of slow convergence: cross-validation shows both.
        warnings.simplefilter("ignore")
        regression.fit((examples.features - mean) / spread, examples.labels)
    scaled = regression.coef_.T / spread[:, None]
    offset = regression.intercept_ - mean @ scaled
    if len(present) == 2:  # scikit-learn has one logit then, of the second class
        weights[:, present[1]], bias[present] = scaled[:, 0], (0, offset[0])
    else:
        weights[:, present], bias[present] = scaled, offset
    return weights, bias


def _references(examples: Examples, settings: Train) -> np.ndarray:
    """Return the features of random examples, as many of each class as there are, float16."""
    rng = np.random.default_rng(settings.seed)
    order = rng.permutation(len(examples.labels))
    # The first of each class, the second of each class, ...
    places = np.empty(len(order), int)
    for label in np.unique(examples.labels):
        of_class = np.flatnonzero(examples.labels[order] == label)
        places[of_class] = np.arange(len(of_class))
    chosen = order[np.argsort(places, kind="stable")][: settings.references]
    return unit_length(examples.features[np.sort(chosen)]).astype(np.float16)


def sure_from(probabilities: np.ndarray, right: np.ndarray, accuracy: float) -> float:
    """Return the lowest probability from which at least a share of the answers is right.

    Args:
        probabilities: of the top classes, float (n,), of pictures not learned from.
        right: bool (n,), whether the top class is the true one.
        accuracy: the share.
    """
    order = np.argsort(-probabilities, kind="stable")
    shares = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    reached = np.flatnonzero(shares >= accuracy)
    return float(probabilities[order[reached[-1]]]) if len(reached) else 1.0
