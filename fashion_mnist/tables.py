"""Tables as CSV files."""

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
        return pd.read_csv(path)
    except FileNotFoundError:
        raise InputError(f"{path}: not found; make it with `dvc repro`") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a CSV table ({error}); `git checkout {path}`") from None


def write(path: Path, table: pd.DataFrame) -> None:
    """Write `table` as CSV, without its index."""
    write_bytes(path, table.to_csv(index=False, lineterminator="\n").encode())
