"""The dataset's files: gzipped IDX.

Source of the format: http://yann.lecun.com/exdb/mnist/
"""

import gzip
import zlib
from pathlib import Path

import numpy as np

from fashion_mnist.dataset.spec import CLASS_NAMES, IMAGE_SHAPE, SIDE
from fashion_mnist.dataset.splits import Split
from fashion_mnist.errors import InputError


def read_split(images_path: Path, labels_path: Path) -> Split:
    """Read one pair of files.

    Raises:
        InputError: a file is missing, corrupt, truncated or not what its name says, or the two
            files do not belong together.
    """
    images = _read(images_path, (SIDE, SIDE))
    labels = _read(labels_path, ())
    if len(images) != len(labels):
        raise InputError(
            f"{labels_path}: {len(labels)} labels, but {len(images)} images in {images_path}; "
            "expected as many of each"
        )
    if labels.max() >= len(CLASS_NAMES):
        raise InputError(
            f"{labels_path}: label {labels.max()} found, expected 0 to {len(CLASS_NAMES) - 1}"
        )
    return Split(images.reshape(-1, *IMAGE_SHAPE) / np.float32(255), labels)


def _read(path: Path, item_shape: tuple[int, ...]) -> np.ndarray:
    """Return the content of one file, uint8 (n, *item_shape)."""
    content = _decompress(path)
    # The magic number: two zero bytes, 8 for unsigned bytes, the number of dimensions.
    dimensions = 1 + len(item_shape)
    magic = bytes([0, 0, 8, dimensions])
    if content[:4] != magic:
        found = content[:4].hex() or "missing"
        raise _damaged(path, f"magic number {found}, expected {magic.hex()}")
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise _damaged(path, f"{len(content)} bytes, expected {header} of header alone")
    count, *shape = np.frombuffer(content, ">u4", dimensions, offset=4).tolist()
    if tuple(shape) != item_shape:
        raise _damaged(path, f"images of {tuple(shape)} pixels, expected {item_shape}")
    expected = header + count * int(np.prod(item_shape, dtype=int))
    if len(content) != expected or count == 0:
        raise _damaged(path, f"{len(content)} bytes, expected {expected} for {count} items")
    return np.frombuffer(content, np.uint8, offset=header).reshape(count, *item_shape)


def _decompress(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read()
    except FileNotFoundError:
        raise InputError(f"{path}: not found; make it with `dvc repro download`") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(path, f"corrupt gzip ({error})") from None


def _damaged(path: Path, what: str) -> InputError:
    return InputError(
        f"{path}: {what}; fetch it again with `dvc repro --force --single-item download` "
        f"(deletes {path.parent})"
    )
