"""Which images train, and which are held out to validate or to test."""

import warnings

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from fashion_mnist.dataset.splits import Split
from fashion_mnist.errors import InputError


def validation(
    split: Split,
    groups: np.ndarray,
    validation_size: int | float,
    train_size: int | None,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose disjoint positions for training and for validation.

    Args:
        split: the images to choose from.
        groups: int (n,), what belongs together; only a share keeps it together.
        validation_size: number of validation images, the same of each class, or their share.
        train_size: number of training images, the same of each class; None takes all the others.
        seed: of the random choice.

    Returns:
        Ascending positions, int64, for training and for validation.

    Raises:
        InputError: a class has too few images.
    """
    if isinstance(validation_size, float):
        rest, held_out = share(split, groups, validation_size, seed)
        if train_size is None:
            return rest, held_out
        train, _ = _of_each_class(split.take(rest), 0, train_size, seed)
        return rest[train], held_out
    return _of_each_class(split, validation_size, train_size, seed)


def _of_each_class(
    split: Split, validation_size: int, train_size: int | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    classes = split.spec.classes
    held_out = validation_size // len(classes)
    end = None if train_size is None else held_out + train_size // len(classes)
    needed = held_out + 1 if end is None else end
    rng = np.random.default_rng(seed)
    train, validation = [], []
    for label, name in enumerate(classes):
        positions = rng.permutation(np.flatnonzero(split.labels == label))
        if len(positions) < needed:
            raise InputError(
                f"params.yaml: normalize.train_size = {train_size} and {validation_size} images "
                f"that validate need {needed} of each class, but {name} has {len(positions)}"
            )
        validation.append(positions[:held_out])
        train.append(positions[held_out:end])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(validation))


def share(
    split: Split, groups: np.ndarray, size: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Divide images by whole groups, so that each side has its share of each class.

    Args:
        split: the images.
        groups: int (n,), what belongs together.
        size: the share of the images on the second side, as near as groups allow to 1/2, 1/3, ...
        seed: of the random choice.

    Returns:
        Ascending positions, int64, of the first and of the second side.

    Raises:
        InputError: a class would be missing on a side.
    """
    folds = StratifiedGroupKFold(round(1 / size), shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of small classes, which are checked below
        try:
            kept, held_out = next(folds.split(split.labels, split.labels, groups))
        except ValueError:  # no class has as many members as there are folds
            kept, held_out = np.arange(len(groups)), np.arange(0)
    for label, name in enumerate(split.spec.classes):
        if not all((split.labels[side] == label).any() for side in (kept, held_out)):
            count = int((split.labels == label).sum())
            belonging = len(np.unique(groups[split.labels == label]))
            raise InputError(
                f"{name}: {count} pictures in {belonging} groups found, too few for a share of "
                f"{size}; expected more pictures, a larger normalize.validation_size in "
                "params.yaml or a larger test_size in datasets/"
            )
    return kept, held_out
