"""The output, made of the rows of an earlier output and of parts, some thousands at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fashion_mnist import files
from fashion_mnist.tagging import table
from fashion_mnist.tagging.plan import Plan

ROWS = 16_384  # of the listing at once; a row group of the Parquet file


class Counts(NamedTuple):
    """What the rows of a table say, in numbers."""

    pictures: int = 0
    sure: int = 0
    unsure: int = 0
    unknown: int = 0
    errors: int = 0

    @classmethod
    def of(cls, rows: pa.Table | pa.RecordBatch) -> "Counts":
        """Count rows with the columns known, sure and error."""
        known = rows["known"].fill_null(False).to_numpy(zero_copy_only=False)
        sure = rows["sure"].fill_null(False).to_numpy(zero_copy_only=False)
        errors = rows["error"].is_valid().to_numpy(zero_copy_only=False)
        unsure, unknown = known & ~sure, ~known & ~errors
        return cls(len(known), *(int(each.sum()) for each in (sure, unsure, unknown, errors)))

    def plus(self, other: "Counts") -> "Counts":
        """Return the sums."""
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))


def count(file: Path) -> Counts:
    """Count the rows of a table."""
    total = Counts()
    for rows in table.batches(file, ("known", "sure", "error")):
        total = total.plus(Counts.of(rows))
    return total


def merge(plan: Plan, output: Path, columns: pa.Schema) -> Counts:
    """Write the row of every picture, sorted by path, and return what they say.

    Args:
        plan: in which every picture has a row.
        output: the file, written whole or not at all.
        columns: of the rows in all files.

    Raises:
        InputError: a file is damaged, or the output can't be written.
    """
    last = np.zeros(len(plan.files), int)
    np.maximum.at(last, plan.owners, np.arange(len(plan.owners)))
    total, streams = Counts(), {}
    with files.atomic(output) as partial, table.writer(partial, columns, output.suffix) as writer:
        for start in range(0, len(plan.owners), ROWS):
            owners = plan.owners[start : start + ROWS]
            paths = plan.listing["path"].slice(start, len(owners)).combine_chunks()
            found = []
            for owner in np.unique(owners).tolist():
                if owner not in streams:
                    streams[owner] = _Stream(plan.files[owner], columns)
                rows = streams[owner].up_to(paths[-1])
                at = pc.index_in(rows["path"], paths)
                is_own = at.is_valid().to_numpy()
                is_own &= owners[at.fill_null(0).to_numpy()] == owner
                found.append(rows.filter(pa.array(is_own)))
                if last[owner] < start + len(owners):
                    del streams[owner]
            whole = pa.concat_tables(found).sort_by("path")
            if not whole["path"].combine_chunks().equals(paths):
                raise RuntimeError(f"rows {start:,} to {start + len(owners):,}: not complete")
            total = total.plus(Counts.of(whole))
            writer.write_table(whole)
    return total


class _Stream:
    """The rows of a file, in the order of their paths."""

    def __init__(self, file: Path, columns: pa.Schema) -> None:
        self._batches: Iterator[pa.RecordBatch] = table.batches(file, columns.names)
        self._rest = columns.empty_table()

    def up_to(self, path: pa.Scalar) -> pa.Table:
        """Return the rows that have not been returned, as far as paths are at most `path`."""
        taken = []
        while True:
            count = pc.sum(pc.less_equal(self._rest["path"], path)).as_py() or 0
            taken.append(self._rest.slice(0, count))
            if count < self._rest.num_rows:
                self._rest = self._rest.slice(count)
                break
            batch = next(self._batches, None)
            if batch is None:
                self._rest = self._rest.slice(count)
                break
            self._rest = pa.Table.from_batches([batch.cast(self._rest.schema)])
        return pa.concat_tables(taken)
