"""Pairs of pictures that are nearly the same, by the cosine of their features."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from fashion_mnist import concurrency
from fashion_mnist.tagging.rows import Rows

AT_ONCE = 4096  # rows that are compared with as many others
CANDIDATES = 2**22  # pairs that wait until the nearest of each row are chosen


class Pairs(NamedTuple):
    """Pairs of rows, each once and in order: first < second.

    first, second: int64 (m,), positions; cosine: float32 (m,); crowded: the number of rows that
    have as many near ones as are looked at, so that there may be more.
    """

    first: np.ndarray
    second: np.ndarray
    cosine: np.ndarray
    crowded: int


class Some(NamedTuple):
    """Rows: their positions, int64 (n,), and features of length 1, float32 (n, units)."""

    positions: np.ndarray
    features: np.ndarray


class Found(NamedTuple):
    """Pairs of some rows and others.

    row: int64 (m,), the numbers of rows among these; position: int64 (m,), of the others; cosine:
    float32 (m,).
    """

    row: np.ndarray
    position: np.ndarray
    cosine: np.ndarray


class Searched(Protocol):
    """Rows, and which of them may be near others."""

    def rows(self) -> Iterator[Some]:
        """Yield all rows, some at a time."""

    def candidates(self, some: Some) -> Iterator[tuple[np.ndarray, Some]]:
        """Yield numbers of some of these rows, int64, and the rows that may be near them."""


class AllRows:
    """Rows of which each may be near any other."""

    def __init__(self, rows: Rows) -> None:
        start, self._rows = 0, list[Some]()
        for features in rows.features():
            self._rows.append(Some(np.arange(start, start + len(features)), features))
            start += len(features)

    def rows(self) -> Iterator[Some]:
        """Yield all rows, some at a time."""
        yield from self._rows

    def candidates(self, some: Some) -> Iterator[tuple[np.ndarray, Some]]:
        """Yield the numbers of these rows, and all rows, some at a time."""
        for others in self._rows:
            yield np.arange(len(some.positions)), others


def pairs(
    searched: Searched, count: int, neighbours: int, cosine: float, done: Callable[[int], object]
) -> Pairs:
    """Find the nearest rows of every row.

    Args:
        searched: the rows.
        count: of all rows.
        neighbours: the number of nearest rows that are looked at.
        cosine: the lowest of a pair.
        done: is told the number of rows as they are compared.
    """
    keys, cosines = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
    crowded = 0
    for some, (row, position, near) in _in_threads(
        lambda some: _nearest(some, searched.candidates(some), neighbours, cosine), searched.rows()
    ):
        crowded += int((np.bincount(row) == neighbours).sum())
        own = some.positions[row]
        keys.append(np.minimum(own, position) * count + np.maximum(own, position))
        cosines.append(near)
        done(len(some.positions))
    # A pair that both of its rows have found is there twice.
    unique, at = np.unique(np.concatenate(keys), return_index=True)
    return Pairs(*np.divmod(unique, count), np.concatenate(cosines)[at].clip(-1, 1), crowded)


def _in_threads(
    function: Callable[[Some], Found], several: Iterable[Some]
) -> Iterator[tuple[Some, Found]]:
    """Yield arguments and results of a function that computes, in order, a few at a time."""
    cores = concurrency.cores()
    # Small products gain nothing from threads of their own, which would take the others' cores.
    with ThreadPoolExecutor(cores, initializer=threadpool_limits, initargs=(1,)) as threads:
        pending: deque[tuple[Some, Future[Found]]] = deque()
        for some in several:
            pending.append((some, threads.submit(function, some)))
            if len(pending) > 2 * cores:
                first, found = pending.popleft()
                yield first, found.result()
        for first, found in pending:
            yield first, found.result()


def _nearest(
    some: Some, candidates: Iterable[tuple[np.ndarray, Some]], neighbours: int, cosine: float
) -> Found:
    """Return the nearest candidates of each row."""
    found = [Found(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))]
    waiting = 0
    for asking, others in candidates:
        cosines = some.features[asking] @ others.features.T
        at = np.flatnonzero(cosines >= cosine)
        row, column = np.divmod(at, len(others.positions))
        row, position = asking[row], others.positions[column]
        is_other = position != some.positions[row]
        found.append(Found(row[is_other], position[is_other], cosines.ravel()[at[is_other]]))
        waiting += len(at)
        if waiting > CANDIDATES:
            found, waiting = [_best(found, neighbours)], 0
    return _best(found, neighbours)


def _best(found: list[Found], neighbours: int) -> Found:
    """Return the nearest of each row among those that were found."""
    row, position, cosine = map(np.concatenate, zip(*found, strict=True))
    order = np.lexsort((-cosine, row))
    row = row[order]
    is_near = np.arange(len(row)) - np.searchsorted(row, row) < neighbours
    return Found(row[is_near], position[order[is_near]], cosine[order[is_near]])
