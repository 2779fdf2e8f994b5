"""Find pictures that are nearly the same: `python -m fashion_mnist.near_duplicates tags.parquet`.

The table is one that `python -m fashion_mnist.tag --features` wrote. The output has pairs of its
pictures, of which one is among the nearest of the other, with the cosine of their features.

Below a million pictures all are compared with all. From there on an index finds nearly all pairs
in a fraction of the time (docs/tagging.md has both). With --index it is kept in a file, and a later
run adds only what is new.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

from fashion_mnist import command, files, progress
from fashion_mnist.errors import InputError
from fashion_mnist.tagging import index, near, table
from fashion_mnist.tagging.near import Pairs
from fashion_mnist.tagging.rows import Rows

EXACT_BELOW = 1_000_000  # pictures
COSINE, NEIGHBOURS = 0.98, 10
PAIRS = pa.schema([("first", pa.string()), ("second", pa.string()), ("cosine", pa.float32())])
BATCH = 65_536  # pairs that are written at once


def main(
    features: Path,
    output: Path,
    cosine: float,
    neighbours: int,
    index_file: Path | None,
    exact: bool,
) -> None:
    if exact and index_file:
        raise InputError("--exact and --index: expected one of them")
    _check_output(output)
    if index_file and index_file.resolve() in (output.resolve(), features.resolve()):
        raise InputError(f"--index {index_file}: it is another file here; choose another name")
    rows = Rows(features)
    is_exact = exact or (index_file is None and len(rows) < EXACT_BELOW)
    how = "exactly" if is_exact else "by an index"
    progress.say(f"near_duplicates: comparing {len(rows):,} pictures {how}")
    searched: near.Searched = (
        near.AllRows(rows) if is_exact else index.Cells(index.kept(index_file, rows), rows)
    )
    with progress.bar(desc="near_duplicates", total=len(rows), unit=" pictures") as bar:
        pairs = near.pairs(searched, len(rows), neighbours, cosine, bar.update)
    _write(output, rows, pairs)
    paired = len(np.union1d(pairs.first, pairs.second))
    if pairs.crowded:
        print(
            f"{output}: {pairs.crowded:,} pictures have {neighbours} or more near ones, of which "
            "the nearest were taken; --neighbours takes more",
            file=sys.stderr,
        )
    print(
        f"{output}: {len(pairs.first):,} pairs of {paired:,} of {len(rows):,} pictures, compared "
        f"{how}, with a cosine of {cosine} or more"
    )


def _check_output(output: Path) -> None:
    table.check_output(output, with_features=False)
    if output.exists() and table.names(output) != PAIRS.names:
        raise InputError(f"{output}: no table of pairs; choose another name")


def _write(output: Path, rows: Rows, pairs: Pairs) -> None:
    with files.atomic(output) as partial, table.writer(partial, PAIRS, output.suffix) as writer:
        for start in range(0, len(pairs.first), BATCH):
            part = slice(start, start + BATCH)
            sides = [rows.paths.take(pa.array(side[part])) for side in pairs[:2]]
            writer.write_table(pa.table([*sides, pairs.cosine[part].round(6)], PAIRS))


def cosine(text: str) -> float:
    """Return the lowest cosine of a pair."""
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    if not -1 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} found, expected -1 to 1")
    return number


def count(text: str) -> int:
    """Return the number of neighbours."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 1000):
        raise argparse.ArgumentTypeError(f"{text!r} found, expected 1 to 1000")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("features", type=Path, metavar="TABLE", help="a .parquet file of `tag`")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="PAIRS", help="a .csv or .parquet file"
    )
    parser.add_argument(
        "--cosine",
        type=cosine,
        default=COSINE,
        metavar="C",
        help=f"the lowest of a pair; default: {COSINE}",
    )
    parser.add_argument(
        "--neighbours",
        type=count,
        default=NEIGHBOURS,
        metavar="N",
        help=f"of a picture, the nearest first; default: {NEIGHBOURS}",
    )
    parser.add_argument(
        "--index", type=Path, dest="index_file", metavar="FILE", help="keep the index in this file"
    )
    parser.add_argument("--exact", action="store_true", help="compare all with all, however many")
    return parser


if __name__ == "__main__":
    command.run(main, parser())
