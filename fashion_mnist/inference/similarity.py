"""The training images that are most like an image, by what the network saw in both."""

import hashlib
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fashion_mnist.errors import InputError
from fashion_mnist.files import whole

# Queries at once: their cosines with all training images fit into the memory of any machine.
BATCH_SIZE = 100
# Beside the features: the SHA-256 of the network that gave them.
NETWORK = "network.sha256"


class Index(NamedTuple):
    """Images that can be searched by their features.

    features is float32 (n, units), each row of length 1; images uint8 (n, 28, 28); labels uint8
    (n,).
    """

    features: np.ndarray
    images: np.ndarray
    labels: np.ndarray

    @classmethod
    def load(cls, folder: Path, network: Path) -> "Index":
        """Load what the stage `similar_items` wrote; the images stay on disk until looked at.

        Args:
            folder: of the index.
            network: the .onnx file whose features will be looked up.

        Raises:
            InputError: a file is missing or damaged, or the features are of another network.
        """
        again = "make it with `dvc repro similar_items`"
        try:
            if (folder / NETWORK).read_bytes() != _digest(network):
                raise InputError(f"{folder}: features of another network than {network}; {again}")
            # The features are read whole: each search reads all of them.
            return cls(
                np.load(folder / "features.npy"),
                np.load(folder / "images.npy", mmap_mode="r"),
                np.load(folder / "labels.npy"),
            )
        except FileNotFoundError as error:
            raise InputError(f"{error.filename}: not found; {again}") from None
        except OSError as error:
            raise InputError(f"{error.filename}: {error.strerror}") from None
        except (ValueError, EOFError) as error:
            raise InputError(f"{folder}: not a whole index ({error}); {again}") from None

    def nearest(self, features: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions of the `count` most similar images and their cosines, best first.

        Args:
            features: float32 (units,), of any length.
            count: how many; all, if there are fewer.
        """
        count = min(count, len(self.features))
        cosines = self.features @ unit_length(features)
        best = np.argpartition(-cosines, count - 1)[:count]
        best = best[np.argsort(-cosines[best], kind="stable")]
        return best, cosines[best]


def save(index: Index, folder: Path, network: Path) -> None:
    """Write an index of what `network` saw into a folder, all its files together or none."""
    with ExitStack() as finished:
        finished.enter_context(whole(folder / NETWORK)).write_bytes(_digest(network))
        for name, array in index._asdict().items():
            partial = finished.enter_context(whole(folder / f"{name}.npy"))
            with partial.open("wb") as file:
                np.save(file, array)


def _digest(network: Path) -> bytes:
    return hashlib.sha256(network.read_bytes()).hexdigest().encode()


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (..., units) scaled to length 1; those of length 0 stay."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(lengths, np.finfo(np.float32).tiny)


def retrieval(
    gallery: np.ndarray, gallery_labels: np.ndarray, queries: np.ndarray, labels: np.ndarray
) -> dict[str, np.ndarray]:
    """Measure how well the nearest vectors by cosine share the query's class.

    Average precision is over the whole ranking, without interpolation; of equally near vectors,
    those of the query's class come first. Source: Manning, Raghavan and Schütze, "Introduction to
    Information Retrieval" (2008), section 8.4.

    Args:
        gallery: float32 (n, units).
        gallery_labels: uint8 (n,).
        queries: float32 (m, units).
        labels: uint8 (m,), of the queries; each is some gallery label.

    Returns:
        Of each query, float64 (m,): precision_at_1, precision_at_10, average_precision.
    """
    gallery, queries = unit_length(gallery), unit_length(queries)
    of_class = {label: gallery_labels == label for label in np.unique(labels)}
    rows = []
    for start in range(0, len(queries), BATCH_SIZE):
        cosines = queries[start : start + BATCH_SIZE] @ gallery.T
        for row, label in zip(cosines, labels[start : start + BATCH_SIZE], strict=True):
            # Sorting cosines is ten times as fast as sorting positions by them.
            relevant = np.sort(row[of_class[label]])[::-1]
            others = np.sort(row[~of_class[label]])
            better = len(others) - np.searchsorted(others, relevant, side="right")
            places = np.arange(1, len(relevant) + 1)
            ranks = better + places
            in_ten = (ranks <= 10).sum() / min(10, len(gallery))
            rows.append((ranks[0] == 1, in_ten, (places / ranks).mean()))
    names = ("precision_at_1", "precision_at_10", "average_precision")
    return dict(zip(names, np.array(rows, dtype=float).T, strict=True))
