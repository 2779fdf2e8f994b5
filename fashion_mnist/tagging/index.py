"""An index of features: built once, then kept as the table is."""

from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np

from fashion_mnist import files, progress
from fashion_mnist.errors import InputError
from fashion_mnist.tagging import near
from fashion_mnist.tagging.rows import Rows

TRAINED = 64  # rows that each cell learns its centre from
PROBES = 32  # cells that a row is looked for in
SIGN_AND_NUMBER = np.uint32(0x8FFFE000).view(np.int32)  # the bits of half precision in single
GROWN = 4  # times as many rows ask for twice as many cells


def kept(file: Path | None, rows: Rows) -> faiss.IndexIVF:
    """Return an index of exactly the rows of a table.

    What a file has of them is kept; the rest is added, and rows that are not in the table any more
    are removed. It is built anew where it has far too few cells for so many rows.

    Args:
        file: that keeps the index, or None.
        rows: of the table.

    Raises:
        InputError: the file is no such index, or is about other rows altogether.
    """
    index = _read(file, rows) if file and file.exists() else None
    if index is None or cells(len(rows)) > GROWN // 2 * index.nlist:
        index = _train(rows)
    has = _ids(index)
    gone = np.setdiff1d(has, rows.ids)
    if len(gone):
        index.remove_ids(faiss.IDSelectorBatch(gone))
    added = _add(index, rows, ~np.isin(rows.ids, has))
    if file and (added or len(gone)):
        with files.atomic(file) as partial:
            try:
                faiss.write_index(index, str(partial))
            except RuntimeError as error:
                reason = str(error).splitlines()[0][-100:]
                raise InputError(f"{file}: not written ({reason}); check the space") from None
    return index


def cells(count: int) -> int:
    """Return the number of cells for so many rows: about 2 sqrt(n), a power of two."""
    return 2 ** max(0, round(np.log2(2 * np.sqrt(count))))


class Cells:
    """The rows of an index, each of which may be near those of the cells nearest to it."""

    def __init__(self, index: faiss.IndexIVF, rows: Rows) -> None:
        self._index = index
        sizes = [index.invlists.list_size(cell) for cell in range(index.nlist)]
        order = np.argsort(rows.ids)
        positions = order[np.searchsorted(rows.ids, _ids(index), sorter=order)]
        self._positions = np.split(positions, np.cumsum(sizes)[:-1])

    def rows(self) -> Iterator[near.Some]:
        """Yield all rows, some at a time, those of a cell one after the other."""
        for cell in range(self._index.nlist):
            yield from self._rows(cell)

    def candidates(self, some: near.Some) -> Iterator[tuple[np.ndarray, near.Some]]:
        """Yield, for each cell near some of these rows, their numbers and the rows of the cell."""
        probes = min(PROBES, self._index.nlist)
        _, nearest = self._index.quantizer.search(some.features, probes)
        order = np.argsort(nearest, axis=None, kind="stable")
        found, starts = np.unique(nearest.ravel()[order], return_index=True)
        for cell, asking in zip(found, np.split(order // probes, starts[1:]), strict=True):
            for others in self._rows(int(cell)):
                yield asking, others

    def _rows(self, cell: int) -> Iterator[near.Some]:
        positions, size = self._positions[cell], self._index.code_size
        if not len(positions):
            return
        codes = faiss.rev_swig_ptr(self._index.invlists.get_codes(cell), size * len(positions))
        codes = codes.reshape(-1, size)
        for start in range(0, len(positions), near.AT_ONCE):
            part = slice(start, start + near.AT_ONCE)
            yield near.Some(positions[part], as_float32(codes[part].view(np.float16)))


def as_float32(finite: np.ndarray) -> np.ndarray:
    """Return finite numbers of half precision in single precision.

    NumPy does so number by number; this is four times as fast. The bits of a number move to their
    places, and the exponent gets its other bias.
    """
    bits = finite.view(np.int16).astype(np.int32) << 13
    bits &= SIGN_AND_NUMBER
    numbers = bits.view(np.float32)
    numbers *= np.float32(2.0 ** (127 - 15))
    return numbers


def _read(file: Path, rows: Rows) -> faiss.IndexIVF:
    try:
        index = faiss.read_index(str(file))
    except RuntimeError:
        index = None
    if not isinstance(index, faiss.IndexIVFScalarQuantizer) or index.d != rows.units:
        raise InputError(f"{file}: no index of {rows.units} features; choose another name")
    if not np.isin(rows.ids, _ids(index)).any():
        raise InputError(f"{file}: an index of other pictures, or of another model; delete it")
    return index


def _train(rows: Rows) -> faiss.IndexIVF:
    """Return an empty index whose cells have learned their centres from some of the rows."""
    count = cells(len(rows))
    progress.say(f"near_duplicates: {count:,} cells learn their centres")
    quantizer = faiss.IndexFlatIP(rows.units)
    index = faiss.IndexIVFScalarQuantizer(
        quantizer,
        rows.units,
        count,
        faiss.ScalarQuantizer.QT_fp16,  # the table's own precision: cosines are those of exact
        faiss.METRIC_INNER_PRODUCT,
        False,  # the rows themselves, not their differences from the centres
    )
    index.cp.max_points_per_centroid, index.cp.min_points_per_centroid = TRAINED, 1
    index.cp.spherical = True
    index.train(_some(rows, TRAINED * count))
    return index


def _some(rows: Rows, count: int) -> np.ndarray:
    """Return the features of some rows, spread over the table, float32 (count, units)."""
    chosen = np.zeros(len(rows), bool)
    chosen[np.random.default_rng(0).permutation(len(rows))[:count]] = True
    taken, start = [], 0
    for features in rows.features():
        taken.append(features[chosen[start : start + len(features)]])
        start += len(features)
    return np.concatenate(taken)


def _add(index: faiss.IndexIVF, rows: Rows, is_new: np.ndarray) -> int:
    if not is_new.any():
        return 0
    start = 0
    with progress.bar(desc="index", total=len(rows), unit=" rows") as bar:
        for features in rows.features():
            new = is_new[start : start + len(features)]
            if new.any():
                index.add_with_ids(features[new], rows.ids[start : start + len(features)][new])
            start += len(features)
            bar.update(len(features))
    return int(is_new.sum())


def _ids(index: faiss.IndexIVF) -> np.ndarray:
    """Return the ids of the rows in an index, int64 (n,)."""
    lists = index.invlists
    found = [
        faiss.rev_swig_ptr(lists.get_ids(cell), lists.list_size(cell)).copy()
        for cell in range(index.nlist)
        if lists.list_size(cell)
    ]
    return np.concatenate([*found, np.empty(0, np.int64)])
