"""The dataset's files: gzipped IDX.

Source of the format: http://yann.lecun.com/exdb/mnist/
"""

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np

from fashion_mnist import memory
from fashion_mnist.dataset.spec import Spec
from fashion_mnist.dataset.splits import Split
from fashion_mnist.errors import InputError

TRAIN = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
TEST = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")


def read_split(folder: Path, names: tuple[str, str], spec: Spec) -> Split:
    """Read one pair of files.

    Args:
        folder: of the files.
        names: of the file of images and of the file of labels: TRAIN or TEST.
        spec: what the images are; grey.

    Raises:
        InputError: a file is missing, corrupt, truncated or not what its name says, or the two
            files do not belong together.
    """
    images_path, labels_path = (folder / name for name in names)
    images, labels = read(images_path, 3), read(labels_path, 1)
    if images.shape[1:] != (spec.side, spec.side):
        raise _damaged(
            images_path,
            f"images of {images.shape[1:]} pixels, expected {(spec.side, spec.side)}",
        )
    if len(images) != len(labels):
        raise InputError(
            f"{labels_path}: {len(labels)} labels, but {len(images)} images in {images_path}; "
            "expected as many of each"
        )
    if labels.max() >= len(spec.classes):
        raise InputError(
            f"{labels_path}: label {labels.max()} found, expected 0 to {len(spec.classes) - 1}"
        )
    # In float32, and once more when they are split.
    what = f"{images_path}: a split of {len(images):,} images"
    memory.require(8 * images.size, what, "end other programs, or allow more")
    return Split(images[..., None] / np.float32(255), labels, spec)


def read(path: Path, dimensions: int) -> np.ndarray:
    """Return the content of one file, uint8, with so many dimensions, in its header's shape.

    Raises:
        InputError: the file is missing, corrupt, truncated or not what its name says.
    """
    content = decompress(path)
    # The magic number: two zero bytes, 8 for unsigned bytes, the number of dimensions.
    magic = bytes([0, 0, 8, dimensions])
    if content[:4] != magic:
        found = content[:4].hex() or "missing"
        raise _damaged(path, f"magic number {found}, expected {magic.hex()}")
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise _damaged(path, f"{len(content)} bytes, expected {header} of header alone")
    shape = np.frombuffer(content, ">u4", dimensions, offset=4).tolist()
    expected = header + prod(shape)
    if len(content) != expected or not shape[0]:
        raise _damaged(path, f"{len(content)} bytes, expected {expected} for {shape[0]} items")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def decompress(path: Path) -> bytes:
    """Return the content of a gzip file.

    Raises:
        InputError: the file is missing or corrupt.
    """
    try:
        with gzip.open(path) as file:
            return file.read()
    except FileNotFoundError:
        raise InputError(f"{path}: not found; make it with `dvc repro download`") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(path, f"corrupt gzip ({error})") from None


def _damaged(path: Path, what: str) -> InputError:
    again = ""
    if path.parent == Path("data/raw"):
        again = (
            "; fetch it again with `dvc repro --force --single-item download` "
            f"(deletes {path.parent})"
        )
    return InputError(f"{path}: {what}{again}")
