"""Pictures that are there twice, by their bytes or by what the network sees."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fashion_mnist.inference.similarity import unit_length

# Of two pictures' features. Of 3,409 photographs of garments one pair is above it, which is one
# photograph; half of the photographs saved again as poor JPEGs are.
SAME = 0.97  # cosine
ROWS = 1000  # compared at once: with 100,000 pictures 400 MB


def contradictions(sha256: Sequence[str], labels: np.ndarray) -> np.ndarray:
    """Return the positions, int64, of pictures whose very bytes are under several labels."""
    contents, inverse = np.unique(np.asarray(sha256), return_inverse=True)
    lowest, highest = np.full(len(contents), labels.max()), np.zeros(len(contents), labels.dtype)
    np.minimum.at(lowest, inverse, labels)
    np.maximum.at(highest, inverse, labels)
    return np.flatnonzero((lowest != highest)[inverse])


def repeated(sha256: Sequence[str]) -> np.ndarray:
    """Return the positions, int64, of pictures whose very bytes came before."""
    _, first = np.unique(np.asarray(sha256), return_index=True)
    return np.setdiff1d(np.arange(len(sha256)), first)


def look_alikes(features: np.ndarray) -> np.ndarray:
    """Return int64 (m, 2): pairs of positions of pictures that look like the same one.

    Args:
        features: float32 (n, units).
    """
    units = unit_length(features)
    pairs = []
    for start in range(0, len(units), ROWS):
        # Each pair once: the second position is the larger one.
        cosines = np.triu(units[start : start + ROWS] @ units[start:].T, k=1)
        rows, columns = np.nonzero(cosines > SAME)
        pairs.append(np.stack([rows + start, columns + start], axis=1))
    return np.concatenate(pairs)


def together(pairs: np.ndarray, count: int) -> np.ndarray:
    """Return groups, int64 (count,), that keep the pictures of each pair together."""
    links = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (count, count))
    return connected_components(links, directed=False)[1].astype(int)
