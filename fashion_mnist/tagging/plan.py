"""What earlier runs have done, and what is left to do."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fashion_mnist.errors import InputError
from fashion_mnist.tagging import table

NOBODY = -1
KEYS = ("path", "bytes", "modified", "model", "model_sha256", "error")


class Shard(NamedTuple):
    """Pictures for one process: their positions in the listing, and their rows of it.

    positions: int64 (n,), rising; pictures: as `sources.pictures` lists them; deaths: the number
    of processes that ended while they had these pictures.
    """

    positions: np.ndarray
    pictures: pa.Table
    deaths: int = 0

    def halves(self) -> "list[Shard]":
        """Return the two halves of a shard of two or more pictures."""
        middle = len(self.positions) // 2
        return [
            Shard(self.positions[part], self.pictures.slice(*part.indices(len(self.positions))[:2]))
            for part in (slice(0, middle), slice(middle, None))
        ]


class Plan:
    """Which file has the row of each picture.

    Attributes:
        listing: the pictures, as `sources.pictures` lists them.
        files: of rows: the output of an earlier run, then parts.
        owners: int64 (n,), the position in `files` of the one with the picture's row, or NOBODY.
        dropped: the paths of earlier rows whose pictures are not listed any more.
        outdated: the number of rows that are kept but were answered by other models.
    """

    def __init__(
        self, listing: pa.Table, earlier: Sequence[Path], sha256: dict[str, str], again: bool
    ) -> None:
        """Compare a listing with what there is.

        A row is kept if path, bytes and modified are those of the listing. With `again` it must
        also have the answer of one of the models in `sha256`, by name.

        Raises:
            InputError: an earlier file is damaged, or is about other pictures altogether.
        """
        self.listing, self.files = listing, list(earlier)
        self.owners = np.full(listing.num_rows, NOBODY)
        self.dropped, self.outdated = pa.array([], pa.string()), 0
        if not self.files:
            return
        keys, origins = _keys(self.files)
        positions = pc.index_in(keys["path"], listing["path"])
        is_listed = positions.is_valid().to_numpy()
        if len(keys) and not is_listed.any():
            raise InputError(
                f"{self.files[0]}: about {len(keys):,} other pictures; choose another --output"
            )
        self.dropped = keys["path"].filter(pa.array(~is_listed)).unique()
        at = positions.fill_null(0)
        same = is_listed & _same(keys, listing.take(at))
        is_current = _is_current(keys, sha256)
        if again:
            same &= is_current
        # Of two rows about a picture, that of the later file counts.
        np.maximum.at(self.owners, at.to_numpy()[same], origins[same])
        is_kept = same & (self.owners[at.to_numpy()] == origins)
        has_answer = keys["model"].is_valid().to_numpy()
        self.outdated = int((is_kept & has_answer & ~is_current).sum())

    @property
    def todo(self) -> np.ndarray:
        """The positions of the pictures without a row, int64, rising."""
        return np.flatnonzero(self.owners == NOBODY)

    def shards(self, size: int) -> Iterator[Shard]:
        """Yield the pictures without a row, in shards."""
        todo = self.todo
        for start in range(0, len(todo), size):
            positions = todo[start : start + size]
            yield Shard(positions, self.listing.take(positions).combine_chunks())

    def note(self, shard: Shard, part: Path) -> None:
        """Note that a part has the rows of a shard."""
        self.owners[shard.positions] = len(self.files)
        self.files.append(part)


def _keys(files: Sequence[Path]) -> tuple[pa.Table, np.ndarray]:
    """Return the columns KEYS of all rows, and the position of each one's file.

    Raises:
        InputError: a file is damaged, or its rows are not in the order of their paths.
    """
    tables, counts = [], []
    for file in files:
        of_file = pa.Table.from_batches(
            table.batches(file, KEYS), pa.schema([table.ANSWERS.field(name) for name in KEYS])
        ).combine_chunks()
        paths = of_file["path"]
        rising = pc.greater(paths.slice(1), paths.slice(0, max(0, len(paths) - 1)))
        if not pc.all(rising, min_count=0).as_py():
            raise InputError(f"{file}: rows in another order than `tag` writes; delete it")
        tables.append(of_file)
        counts.append(len(of_file))
    return pa.concat_tables(tables).combine_chunks(), np.repeat(np.arange(len(files)), counts)


def _same(keys: pa.Table, listed: pa.Table) -> np.ndarray:
    """Return whether rows are of files as they are listed, bool (n,)."""
    same = np.ones(len(keys), bool)
    for name in ("bytes", "modified"):
        equal = pc.equal(keys[name], listed[name])
        neither = pc.and_(keys[name].is_null(), listed[name].is_null())
        same &= pc.if_else(neither, name == "modified", equal.fill_null(False)).to_numpy()
    return same


def _is_current(keys: pa.Table, sha256: dict[str, str]) -> np.ndarray:
    current = np.zeros(len(keys), bool)
    for name, digest in sha256.items():
        of_model = pc.and_(pc.equal(keys["model"], name), pc.equal(keys["model_sha256"], digest))
        current |= of_model.fill_null(False).to_numpy()
    return current
