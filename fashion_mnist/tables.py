"""Tables as CSV files."""

import io
from pathlib import Path

import pandas as pd

from fashion_mnist.errors import InputError
from fashion_mnist.files import write_bytes


def read(path: Path) -> pd.DataFrame:
    """Read a CSV file that a stage wrote.

    Raises:
        InputError: the file is missing or is not a CSV table.
    """
    try:
        return parse(path.read_bytes())
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
