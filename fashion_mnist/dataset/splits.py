"""Splits: images with their labels, chosen by class, stored as arrays."""

from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fashion_mnist.dataset.spec import CLASS_NAMES, IMAGE_SHAPE
from fashion_mnist.errors import InputError
from fashion_mnist.files import atomic

_REMAKE = "make it again with `dvc repro --force --single-item normalize`"


class Split(NamedTuple):
    """images: float32 (n, 28, 28, 1) in [0, 1]; labels: uint8 (n,), positions in CLASS_NAMES."""

    images: np.ndarray
    labels: np.ndarray

    def take(self, positions: np.ndarray) -> "Split":
        """Return the images and labels at `positions`, int (m,)."""
        return Split(self.images[positions], self.labels[positions])


def to_pixels(images: np.ndarray) -> np.ndarray:
    """Return images, float32 (n, 28, 28, 1) in [0, 1], as uint8 (n, 28, 28), as in the files."""
    return np.rint(images[..., 0] * 255).astype(np.uint8)


def one_of_each_class(labels: np.ndarray) -> np.ndarray:
    """Return the position of the first image of each class that is present, ordered by class."""
    return np.unique(labels, return_index=True)[1]


def count_by_class(labels: np.ndarray) -> dict[str, int]:
    """Return the number of images of each class, by name."""
    counts = np.bincount(labels, minlength=len(CLASS_NAMES))
    return dict(zip(CLASS_NAMES, counts.tolist(), strict=True))


def hold_out(
    labels: np.ndarray, validation_size: int, train_size: int | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Choose disjoint, class-balanced positions for training and for validation.

    Args:
        labels: uint8 (n,).
        validation_size: number of validation images, the same of each class.
        train_size: number of training images, the same of each class; None takes all the others.
        seed: of the random choice.

    Returns:
        Ascending positions, int64, for training and for validation.

    Raises:
        InputError: a class has too few images.
    """
    classes = len(CLASS_NAMES)
    held_out = validation_size // classes
    end = None if train_size is None else held_out + train_size // classes
    needed = held_out + 1 if end is None else end
    rng = np.random.default_rng(seed)
    train, validation = [], []
    for label, name in enumerate(CLASS_NAMES):
        positions = rng.permutation(np.flatnonzero(labels == label))
        if len(positions) < needed:
            raise InputError(
                f"params.yaml: normalize.validation_size = {validation_size} and train_size = "
                f"{train_size} need {needed} images of each class, but {name} has "
                f"{len(positions)}"
            )
        validation.append(positions[:held_out])
        train.append(positions[held_out:end])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(validation))


def save(splits: dict[Path, Split]) -> None:
    """Write each split into its folder, as images.npy and labels.npy.

    All files are renamed into place together, after the last one is written. Otherwise a kill
    could leave the images of one seed beside the labels of another.
    """
    with ExitStack() as finished:
        for folder, split in splits.items():
            for name, array in zip(Split._fields, split, strict=True):
                partial = finished.enter_context(atomic(folder / f"{name}.npy"))
                with partial.open("wb") as file:
                    np.save(file, array)


def load(folder: Path) -> Split:
    """Map a split that `save` wrote into memory, read-only.

    Raises:
        InputError: a file is missing or does not hold such an array.
    """
    split = Split(_load(folder / "images.npy"), _load(folder / "labels.npy"))
    if (
        split.labels.ndim != 1
        or split.images.shape != (len(split.labels), *IMAGE_SHAPE)
        or split.images.dtype != np.float32
        or split.labels.dtype != np.uint8
    ):
        raise InputError(
            f"{folder}: images {split.images.dtype} {split.images.shape} and labels "
            f"{split.labels.dtype} {split.labels.shape}, expected float32 "
            f"(n, {', '.join(map(str, IMAGE_SHAPE))}) and uint8 (n,); make them with "
            "`dvc repro normalize`"
        )
    if split.labels.max(initial=0) >= len(CLASS_NAMES):
        raise InputError(
            f"{folder / 'labels.npy'}: label {split.labels.max()} found, expected 0 to "
            f"{len(CLASS_NAMES) - 1}; {_REMAKE}"
        )
    return split


def _load(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r")
    except FileNotFoundError:
        raise InputError(f"{path}: not found; make it with `dvc repro normalize`") from None
    except OSError:
        raise
    except Exception:  # NumPy parses a damaged header as Python, so any exception may come
        raise InputError(f"{path}: not a whole .npy file; {_REMAKE}") from None
