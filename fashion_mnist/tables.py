"""Tables as CSV files."""

import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from fashion_mnist.errors import InputError
from fashion_mnist.files import write_bytes

HISTORY = ("epoch", "train_accuracy", "val_accuracy", "train_loss", "val_loss")


def read(path: Path, numbers: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV file that a stage wrote.

    Args:
        path: the file.
        numbers: columns that it must have, without another value than numbers.

    Raises:
        InputError: the file is missing, or is not such a table.
    """
    try:
        table = parse(path.read_bytes())
        for column in numbers:
            if column not in table or not pd.api.types.is_numeric_dtype(table[column]):
                raise ValueError(f"the column {column} is missing, or is not of numbers")
        return table
    except FileNotFoundError:
        raise InputError(f"{path}: not found; make it with `dvc repro`") from None
    except ValueError as error:
        raise InputError(f"{path}: not a CSV table ({error}); `git checkout {path}`") from None


def parse(content: bytes) -> pd.DataFrame:
    """Return the table in the bytes of a CSV file.

    Raises:
        ValueError: the bytes are no CSV table; pandas' own errors and UnicodeDecodeError are such.
    """
    # Names of classes may be digits, or words that pandas takes for missing values.
    text = {"actual": str, "predicted": str}
    return pd.read_csv(io.BytesIO(content), dtype=text, keep_default_na=False)


def write(path: Path, table: pd.DataFrame) -> None:
    """Write `table` as CSV, without its index."""
    write_bytes(path, table.to_csv(index=False, lineterminator="\n").encode())
