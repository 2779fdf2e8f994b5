"""The dataset: its four IDX files, its classes, the validation split, arrays on disk.

Source: Xiao, Rasul, Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
Learning Algorithms", arXiv 1708.07747. IDX format: http://yann.lecun.com/exdb/mnist/
"""

import gzip
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fashion_mnist.errors import InputError
from fashion_mnist.files import whole

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
IMAGE_SHAPE = (28, 28, 1)

TRAIN_IMAGES = "train-images-idx3-ubyte.gz"
TRAIN_LABELS = "train-labels-idx1-ubyte.gz"
TEST_IMAGES = "t10k-images-idx3-ubyte.gz"
TEST_LABELS = "t10k-labels-idx1-ubyte.gz"

# SHA-256 of the decompressed files: mirrors compress them differently.
SHA256 = {
    TRAIN_IMAGES: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    TRAIN_LABELS: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    TEST_IMAGES: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    TEST_LABELS: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}

_AGAIN = "make it again with `dvc repro --force --single-item normalize`"


class Split(NamedTuple):
    """images: float32 (n, 28, 28, 1) in [0, 1]; labels: uint8 (n,), positions in CLASS_NAMES."""

    images: np.ndarray
    labels: np.ndarray

    def take(self, positions: np.ndarray) -> "Split":
        """Return the images and labels at `positions`, int (m,)."""
        return Split(self.images[positions], self.labels[positions])


def read_split(images_path: Path, labels_path: Path) -> Split:
    """Read one pair of gzipped IDX files.

    Raises:
        InputError: a file is missing, corrupt, truncated or not what its name says, or the two
            do not belong together.
    """
    images = _read_idx(images_path, IMAGE_SHAPE[:2])
    labels = _read_idx(labels_path, ())
    if len(images) != len(labels):
        raise InputError(
            f"{labels_path}: {len(labels)} labels, but {len(images)} images in {images_path}; "
            "expected as many of each"
        )
    if labels.max() >= len(CLASS_NAMES):
        raise InputError(f"{labels_path}: label {labels.max()} found; expected 0 to 9")
    return Split(images.reshape(-1, *IMAGE_SHAPE) / np.float32(255), labels)


def _read_idx(path: Path, item_shape: tuple[int, ...]) -> np.ndarray:
    again = (
        f"fetch it again with `dvc repro --force --single-item download` (deletes {path.parent})"
    )
    try:
        with gzip.open(path) as file:
            content = file.read()
    except FileNotFoundError:
        raise InputError(f"{path}: not found; make it with `dvc repro download`") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path}: corrupt gzip ({error}); {again}") from None
    # Magic number: two zero bytes, 8 for unsigned bytes, the number of dimensions.
    dimensions = 1 + len(item_shape)
    header = 4 + 4 * dimensions
    magic = bytes([0, 0, 8, dimensions])
    if content[:4] != magic:
        raise InputError(
            f"{path}: magic number {content[:4].hex() or 'missing'}, expected {magic.hex()}; "
            f"{again}"
        )
    if len(content) < header:
        raise InputError(
            f"{path}: {len(content)} bytes, expected {header} of header alone; {again}"
        )
    count, *shape = np.frombuffer(content, ">u4", dimensions, offset=4).tolist()
    if tuple(shape) != item_shape:
        raise InputError(f"{path}: images of {tuple(shape)} pixels, expected {item_shape}; {again}")
    expected = header + count * int(np.prod(item_shape, dtype=int))
    if len(content) != expected or count == 0:
        raise InputError(
            f"{path}: {len(content)} bytes, expected {expected} for {count} items; {again}"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(count, *item_shape)


def to_pixels(images: np.ndarray) -> np.ndarray:
    """Return images, float32 (n, 28, 28, 1) in [0, 1], as in the files: uint8 (n, 28, 28)."""
    return np.rint(images[..., 0] * 255).astype(np.uint8)


def split_validation(
    labels: np.ndarray, validation_size: int, train_size: int | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Choose disjoint, class-balanced positions for training and validation.

    Args:
        labels: uint8 (n,).
        validation_size: images for validation, the same number of each class.
        train_size: images for training, likewise; None takes all the others.
        seed: of the choice.

    Returns:
        Ascending positions (int64) for training and for validation.

    Raises:
        InputError: a class has too few images.
    """
    classes = len(CLASS_NAMES)
    held_out = validation_size // classes
    kept = None if train_size is None else held_out + train_size // classes
    rng = np.random.default_rng(seed)
    train, validation = [], []
    for label, name in enumerate(CLASS_NAMES):
        positions = rng.permutation(np.flatnonzero(labels == label))
        if len(positions) < (kept or held_out + 1):
            raise InputError(
                f"params.yaml: normalize.validation_size = {validation_size} and train_size = "
                f"{train_size} want {kept or held_out + 1} images of each class, but "
                f"{name} has {len(positions)}"
            )
        validation.append(positions[:held_out])
        train.append(positions[held_out:kept])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(validation))


def count_by_class(labels: np.ndarray) -> dict[str, int]:
    """Number of images of each class, by name."""
    counts = np.bincount(labels, minlength=len(CLASS_NAMES))
    return dict(zip(CLASS_NAMES, counts.tolist(), strict=True))


def save(splits: dict[Path, Split]) -> None:
    """Write each split as images.npy and labels.npy into its folder.

    The files take their names together, once all are written: images of one seed beside labels of
    another would train without complaint.
    """
    with ExitStack() as finished:
        for folder, split in splits.items():
            for name, array in zip(Split._fields, split, strict=True):
                partial = finished.enter_context(whole(folder / f"{name}.npy"))
                with partial.open("wb") as file:
                    np.save(file, array)


def load(folder: Path) -> Split:
    """Map a split that `save` wrote into memory, read-only.

    Raises:
        InputError: a file is missing or is not such an array.
    """
    split = Split(*(_load(folder / f"{name}.npy") for name in Split._fields))
    if (
        split.labels.ndim != 1
        or split.images.shape != (len(split.labels), *IMAGE_SHAPE)
        or split.images.dtype != np.float32
        or split.labels.dtype != np.uint8
    ):
        raise InputError(
            f"{folder}: images {split.images.dtype} {split.images.shape} and labels "
            f"{split.labels.dtype} {split.labels.shape}, expected float32 (n, 28, 28, 1) and "
            "uint8 (n,); make them with `dvc repro normalize`"
        )
    if split.labels.max(initial=0) >= len(CLASS_NAMES):
        raise InputError(
            f"{folder / 'labels.npy'}: label {split.labels.max()} found, expected 0 to "
            f"{len(CLASS_NAMES) - 1}; {_AGAIN}"
        )
    return split


def _load(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r")
    except FileNotFoundError:
        raise InputError(f"{path}: not found; make it with `dvc repro normalize`") from None
    except OSError:
        raise
    except Exception:  # a damaged head is parsed as Python, with whatever that leads to
        raise InputError(f"{path}: not a whole .npy file; {_AGAIN}") from None
