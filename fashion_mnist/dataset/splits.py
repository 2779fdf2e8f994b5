"""Splits: images with their labels, stored as arrays."""

from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import ValidationError

from fashion_mnist.dataset.spec import Spec
from fashion_mnist.errors import InputError
from fashion_mnist.files import atomic

SPEC = "dataset.json"
_REMAKE = "make it again with `dvc repro --force --single-item normalize`"


class Split(NamedTuple):
    """Images with their labels.

    images: float32 (n, side, side, channels) in [0, 1]; labels: uint8 (n,), positions in
    spec.classes; spec: what the images are.
    """

    images: np.ndarray
    labels: np.ndarray
    spec: Spec

    def take(self, positions: np.ndarray) -> "Split":
        """Return the images and labels at `positions`, int (m,)."""
        return self._replace(images=self.images[positions], labels=self.labels[positions])


def to_pixels(images: np.ndarray) -> np.ndarray:
    """Return images as the exported models read them.

    Args:
        images: float32 (n, side, side, channels) in [0, 1].

    Returns:
        uint8 (n, side, side), and with colour (n, side, side, 3).
    """
    pixels = np.rint(images * 255).astype(np.uint8)
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def one_of_each_class(labels: np.ndarray) -> np.ndarray:
    """Return the position of the first image of each class that is present, ordered by class."""
    return np.unique(labels, return_index=True)[1]


def count_by_class(split: Split) -> dict[str, int]:
    """Return the number of images of each class, by name."""
    counts = np.bincount(split.labels, minlength=len(split.spec.classes))
    return dict(zip(split.spec.classes, counts.tolist(), strict=True))


def save(splits: dict[Path, Split]) -> None:
    """Write each split into its folder, as images.npy and labels.npy, and the spec beside them.

    All files are renamed into place together, after the last one is written. Otherwise a kill
    could leave the images of one seed beside the labels of another.
    """
    with ExitStack() as finished:
        for folder, split in splits.items():
            for name, array in (("images", split.images), ("labels", split.labels)):
                partial = finished.enter_context(atomic(folder / f"{name}.npy"))
                with partial.open("wb") as file:
                    np.save(file, array)
        for path in {folder.parent / SPEC for folder in splits}:
            partial = finished.enter_context(atomic(path))
            partial.write_text(split.spec.model_dump_json(indent=2) + "\n", encoding="utf-8")


def load(folder: Path) -> Split:
    """Map a split that `save` wrote into memory, read-only.

    Raises:
        InputError: a file is missing or does not hold such an array.
    """
    spec = load_spec(folder.parent)
    split = Split(_load(folder / "images.npy"), _load(folder / "labels.npy"), spec)
    if (
        split.labels.ndim != 1
        or split.images.shape != (len(split.labels), *spec.image_shape)
        or split.images.dtype != np.float32
        or split.labels.dtype != np.uint8
    ):
        raise InputError(
            f"{folder}: images {split.images.dtype} {split.images.shape} and labels "
            f"{split.labels.dtype} {split.labels.shape}, expected float32 "
            f"(n, {', '.join(map(str, spec.image_shape))}) and uint8 (n,); make them with "
            "`dvc repro normalize`"
        )
    if split.labels.max(initial=0) >= len(spec.classes):
        raise InputError(
            f"{folder / 'labels.npy'}: label {split.labels.max()} found, expected 0 to "
            f"{len(spec.classes) - 1}; {_REMAKE}"
        )
    return split


def load_spec(folder: Path) -> Spec:
    """Return what the images of the splits in `folder` are.

    Raises:
        InputError: the file is missing or is not such a description.
    """
    path = folder / SPEC
    try:
        return Spec.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: not found; make it with `dvc repro normalize`") from None
    except ValidationError:
        raise InputError(f"{path}: not the description of a dataset; {_REMAKE}") from None


def _load(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r")
    except FileNotFoundError:
        raise InputError(f"{path}: not found; make it with `dvc repro normalize`") from None
    except OSError:
        raise
    except Exception:  # NumPy parses a damaged header as Python, so any exception may come
        raise InputError(f"{path}: not a whole .npy file; {_REMAKE}") from None
