"""Pictures that are there twice, by their bytes or by what the network sees."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fashion_mnist.inference.similarity import unit_length

# Copies, also those saved again smaller or as poorer JPEGs, are alike for the network and nearly
# the same as thumbnails. Two pictures of one kind of thing may be one of both, hardly both.
SAME = 0.75  # cosine of the features
COPY = 4.0  # levels of 255, root mean square of the differences of two thumbnails
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


def look_alikes(features: np.ndarray, thumbnails: np.ndarray) -> np.ndarray:
    """Return int64 (m, 2): pairs of positions of pictures that look like the same one.

    Args:
        features: float32 (n, units).
        thumbnails: uint8 (n, values).
    """
    units = unit_length(features)
    pairs = []
    for start in range(0, len(units), ROWS):
        # Each pair once: the second position is the larger one.
        cosines = np.triu(units[start : start + ROWS] @ units[start:].T, k=1)
        near = np.argwhere(cosines > SAME) + start
        first, second = (thumbnails[near[:, side]].astype(np.float32) for side in (0, 1))
        pairs.append(near[np.sqrt(np.mean((first - second) ** 2, axis=1)) < COPY])
    return np.concatenate(pairs)


def together(pairs: np.ndarray, count: int) -> np.ndarray:
    """Return groups, int64 (count,), that keep the pictures of each pair together."""
    links = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (count, count))
    return connected_components(links, directed=False)[1].astype(int)
