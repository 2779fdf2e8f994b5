"""Pairs of pictures that are nearly the same, by the cosine of their features."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import faiss
import numpy as np

from fashion_mnist.tagging.index import by_cell
from fashion_mnist.tagging.rows import Rows

BLOCK = 262_144  # rows that are put in order before they are looked for
QUERIES = 16_384  # rows that are looked for at once


class Pairs(NamedTuple):
    """Pairs of rows, each once and in order: first < second.

    first, second: int64 (m,), positions; cosine: float32 (m,); crowded: the number of rows all of
    whose neighbours that were looked at are near, so that there may be more.
    """

    first: np.ndarray
    second: np.ndarray
    cosine: np.ndarray
    crowded: int


def whole(rows: Rows) -> faiss.Index:
    """Return an index that compares with all rows; its ids are those of the rows."""
    index = faiss.IndexIDMap(faiss.IndexFlatIP(rows.units))
    start = 0
    for features in rows.features():
        index.add_with_ids(features, rows.ids[start : start + len(features)])
        start += len(features)
    return index


def pairs(
    rows: Rows,
    index: faiss.Index,
    neighbours: int,
    cosine: float,
    done: Callable[[int], object],
) -> Pairs:
    """Find the nearest rows of every row, as far as an index finds them.

    Args:
        rows: to compare.
        index: of the same rows, by their ids.
        neighbours: the number of nearest rows that are looked at.
        cosine: the lowest of a pair.
        done: is told the number of rows as they are compared.
    """
    ids = rows.ids
    order = np.argsort(ids, kind="stable")
    sorted_ids = ids[order]
    keys, cosines = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
    start = crowded = 0
    for block in _blocks(rows):
        # The rows of a cell look into the same cells, which are then in the processor's cache.
        in_cells = by_cell(index, block)
        for begin in range(0, len(block), QUERIES):
            asked = in_cells[begin : begin + QUERIES]
            found_cosines, found = index.search(block[asked], min(neighbours + 1, len(rows)))
            own = start + asked[:, None]
            others = order[np.searchsorted(sorted_ids, found).clip(0, len(ids) - 1)]
            is_pair = (found >= 0) & (found_cosines >= cosine) & (others != own)
            first, second = np.minimum(own, others)[is_pair], np.maximum(own, others)[is_pair]
            crowded += int((is_pair.sum(axis=1) >= neighbours).sum())
            keys.append(first * len(ids) + second)
            cosines.append(found_cosines[is_pair])
            done(len(asked))
        start += len(block)
    # A pair that both of its rows have found is there twice.
    unique, at = np.unique(np.concatenate(keys), return_index=True)
    return Pairs(*np.divmod(unique, len(ids)), np.concatenate(cosines)[at].clip(-1, 1), crowded)


def _blocks(rows: Rows) -> Iterator[np.ndarray]:
    """Yield the features of at least BLOCK rows at once, the last ones apart."""
    waiting: list[np.ndarray] = []
    for features in rows.features():
        waiting.append(features)
        if sum(map(len, waiting)) >= BLOCK:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)
