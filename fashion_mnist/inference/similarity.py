"""The training images that are most like an image, by what a model sees in both."""

import hashlib
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fashion_mnist.errors import InputError
from fashion_mnist.files import atomic

# Beside the features, the SHA-256 of the model that they come from.
DIGEST = "network.sha256"


class Index(NamedTuple):
    """Images that can be searched by their features.

    features: float32 (n, units), each row of length 1; images: uint8 (n, ...), as the
    model reads them; labels: uint8 (n,).
    """

    features: np.ndarray
    images: np.ndarray
    labels: np.ndarray

    @classmethod
    def load(cls, folder: Path, model: Path) -> "Index":
        """Load what the stage `similar_items` wrote, into memory: files may be replaced later.

        Args:
            folder: of the index.
            model: the .onnx file whose features will be searched for.

        Raises:
            InputError: a file is missing or damaged, or the features are of another model.
        """
        remake = "make it with `dvc repro similar_items`"
        try:
            if (folder / DIGEST).read_bytes() != _digest(model):
                raise InputError(f"{folder}: features of another model than {model}; {remake}")
            index = cls(*(np.load(folder / f"{name}.npy") for name in cls._fields))
        except FileNotFoundError as error:
            raise InputError(f"{error.filename}: not found; {remake}") from None
        except OSError as error:
            raise InputError(f"{error.filename}: {error.strerror}") from None
        except (ValueError, EOFError) as error:
            raise InputError(f"{folder}: not a whole index ({error}); {remake}") from None
        counts = {name: len(array) for name, array in index._asdict().items()}
        if len(set(counts.values())) > 1 or index.features.ndim != 2:
            raise InputError(f"{folder}: files that do not fit together ({counts}); {remake}")
        return index

    def nearest(self, features: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions of the most similar images and their cosines, best first.

        Args:
            features: float32 (units,), of any length.
            count: the number of images to find, at most all.
        """
        count = min(count, len(self.features))
        cosines = self.features @ unit_length(features)
        best = np.argpartition(-cosines, count - 1)[:count]
        best = best[np.argsort(-cosines[best], kind="stable")]
        return best, cosines[best]


def save(index: Index, folder: Path, model: Path) -> None:
    """Write an index of the features of `model` into a folder, all its files or none."""
    with ExitStack() as finished:
        finished.enter_context(atomic(folder / DIGEST)).write_bytes(_digest(model))
        for name, array in index._asdict().items():
            partial = finished.enter_context(atomic(folder / f"{name}.npy"))
            with partial.open("wb") as file:
                np.save(file, array)


def _digest(model: Path) -> bytes:
    return hashlib.sha256(model.read_bytes()).hexdigest().encode()


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (..., units) scaled to length 1; vectors of length 0 stay."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
