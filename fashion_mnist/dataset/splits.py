"""Splits: images with their labels, stored as arrays."""

import hashlib
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import ValidationError

from fashion_mnist.dataset.spec import Spec
from fashion_mnist.errors import InputError
from fashion_mnist.files import atomic

SPEC = "dataset.json"
ARRAYS = ("images", "labels")
_REMAKE = "make it again with `dvc repro --force --single-item normalize`"


class _Saved(Spec):
    """What SPEC holds.

    Attributes:
        md5: of each array's file, by its path, such as train/images.npy, and of the spec.
    """

    md5: dict[str, str]


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
    """Write each split into its folder, as images.npy and labels.npy.

    Beside the folders, SPEC gets the spec and each file's MD5. All files are renamed into place
    together, after the last one is written. Otherwise a kill could leave the images of one seed
    beside the labels of another.
    """
    (place,) = {folder.parent for folder in splits}
    hashes = {}
    with ExitStack() as finished:
        for folder, split in splits.items():
            for name in ARRAYS:
                path = folder / f"{name}.npy"
                partial = finished.enter_context(atomic(path))
                with partial.open("wb") as file:
                    np.save(file, getattr(split, name))
                hashes[path.relative_to(place).as_posix()] = _md5(partial)
        hashes[SPEC] = _md5_of_spec(split.spec)
        saved = _Saved(**split.spec.model_dump(), md5=hashes)
        partial = finished.enter_context(atomic(place / SPEC))
        partial.write_text(saved.model_dump_json(indent=2) + "\n", encoding="utf-8")


def load(folder: Path) -> Split:
    """Map a split that `save` wrote into memory, read-only.

    The files are read once, because a damaged disk, cache or copy would give other results without
    a word: DVC does not look into what its cache has.

    Raises:
        InputError: a file is missing, or is not the one that `save` wrote.
    """
    saved = _read(folder.parent)
    images, labels = (_load(folder / f"{name}.npy", saved) for name in ARRAYS)
    return Split(images, labels, _spec(saved))


def load_spec(folder: Path) -> Spec:
    """Return what the images of the splits in `folder` are.

    Raises:
        InputError: the file is missing or is not such a description.
    """
    return _spec(_read(folder))


def _spec(saved: _Saved) -> Spec:
    return Spec(**saved.model_dump(exclude={"md5"}))


def _read(folder: Path) -> _Saved:
    path = folder / SPEC
    try:
        saved = _Saved.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: not found; make it with `dvc repro normalize`") from None
    except ValidationError:
        raise InputError(f"{path}: not the description of a dataset; {_REMAKE}") from None
    if saved.md5.get(SPEC) != _md5_of_spec(_spec(saved)):
        raise InputError(f"{path}: not as `dvc repro normalize` wrote it; {_REMAKE}")
    return saved


def _load(path: Path, saved: _Saved) -> np.ndarray:
    try:
        found = _md5(path)
    except FileNotFoundError:
        raise InputError(f"{path}: not found; make it with `dvc repro normalize`") from None
    expected = saved.md5.get(f"{path.parent.name}/{path.name}")
    if expected is None:
        raise InputError(f"{path.parent.parent / SPEC}: has no MD5 of {path}; {_REMAKE}")
    if found != expected:
        raise InputError(
            f"{path}: MD5 {found} found, {path.parent.parent / SPEC} expects {expected}; remove "
            f"DVC's copy, `rm -f $(dvc cache dir)/files/md5/{expected[:2]}/{expected[2:]}`, and "
            f"{_REMAKE}"
        )
    return np.load(path, mmap_mode="r")


def _md5_of_spec(spec: Spec) -> str:
    return hashlib.md5(spec.model_dump_json().encode()).hexdigest()


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
