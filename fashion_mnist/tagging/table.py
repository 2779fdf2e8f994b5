"""The table of answers: its columns, and its files, Parquet or CSV."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from fashion_mnist.errors import InputError
from fashion_mnist.tagging.sources import LISTED

PARQUET, CSV = ".parquet", ".csv"
FEATURES = "features"
ANSWERS = pa.schema(
    [
        *LISTED,
        ("class", pa.string()),
        ("probability", pa.float64()),
        ("sure", pa.bool_()),
        ("known", pa.bool_()),
        ("reason", pa.string()),
        ("model", pa.string()),
        ("model_sha256", pa.string()),
        ("error", pa.string()),
    ]
)
BATCH = 4096  # rows that are read at once
BLOCK_BYTES = 8_000_000  # of a CSV file that are read at once; a row must fit


def schema(units: int | None) -> pa.Schema:
    """Return the columns of a table: with features of so many units, or without (None)."""
    if units is None:
        return ANSWERS
    return ANSWERS.append(pa.field(FEATURES, pa.list_(pa.float16(), units)))


def check_output(output: Path, with_features: bool) -> None:
    """Check a table's name before any work.

    Raises:
        InputError: the suffix is no table's, a CSV file would have features, or it is no
            regular file.
    """
    if output.suffix not in (PARQUET, CSV):
        raise InputError(f"{output}: expected a name that ends in {PARQUET} or {CSV}")
    if with_features and output.suffix == CSV:
        raise InputError(f"{output}: a CSV file has no features; choose {PARQUET}")
    if output.exists() and not output.is_file():  # a pipe would wait for its other end
        raise InputError(f"{output}: no regular file; choose another name")


def names(file: Path) -> list[str]:
    """Return the names of the columns of a table; of a file that is none, no names."""
    try:
        if file.suffix == CSV:
            with file.open(encoding="utf-8") as opened:
                return opened.readline().rstrip("\n").replace('"', "").split(",")
        return pq.read_schema(file).names
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return []


def read_schema(file: Path) -> pa.Schema:
    """Return the columns of a table that `tag` wrote.

    Raises:
        InputError: the file is not such a table.
    """
    found = names(file)
    columns = ANSWERS if file.suffix == CSV or not found else pq.read_schema(file).remove_metadata()
    own, others = pa.schema(list(columns)[: len(ANSWERS)]), found[len(ANSWERS) :]
    if (
        found[: len(ANSWERS)] != ANSWERS.names
        or not own.equals(ANSWERS)
        or others not in ([], [FEATURES])
    ):
        raise InputError(f"{file}: no table of `tag`; choose another name")
    return columns


def units(found: pa.Schema) -> int | None:
    """Return the number of units of the features in a table, or None."""
    return found.field(FEATURES).type.list_size if FEATURES in found.names else None


def batches(file: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table, some thousands at once, with these columns.

    Raises:
        InputError: the file is damaged.
    """
    try:
        if file.suffix == CSV:
            with pa_csv.open_csv(
                file,
                pa_csv.ReadOptions(block_size=BLOCK_BYTES),
                pa_csv.ParseOptions(newlines_in_values=True),
                pa_csv.ConvertOptions(
                    column_types=ANSWERS,
                    include_columns=columns,
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            ) as reader:
                for batch in reader:
                    for start in range(0, batch.num_rows, BATCH):
                        yield batch.slice(start, BATCH)
        else:
            with pq.ParquetFile(file) as opened:
                yield from opened.iter_batches(BATCH, columns=columns)
    except (pa.ArrowInvalid, OSError) as error:
        words = str(error).splitlines()[0]
        raise InputError(f"{file}: not a whole table ({words}); delete it") from None


def write(file: Path, rows: pa.Table) -> None:
    """Write a whole Parquet file, not atomically."""
    pq.write_table(rows, file, compression="zstd")


def writer(file: Path, columns: pa.Schema, suffix: str) -> AbstractContextManager[Any]:
    """Return a writer of a table in the format of a suffix; its write_table takes some rows."""
    if suffix == CSV:
        return pa_csv.CSVWriter(file, columns)
    return pq.ParquetWriter(file, columns, compression="zstd")
