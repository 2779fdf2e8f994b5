"""The folder of parts beside an output: each finished shard is a file; one run at a time."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from fashion_mnist import concurrency, files
from fashion_mnist.tagging import table

LOCK = "lock"


class Parts:
    """The parts of one output.

    Attributes:
        files: of an earlier run, in the order in which they were added.
        are_merged: whether the output has all rows, so that the folder can go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = sorted(folder.glob(f"[0-9]*{table.PARQUET}"))
        self.are_merged = False
        self._next = int(self.files[-1].stem) + 1 if self.files else 0

    def add(self, rows: pa.Table) -> Path:
        """Write a part, whole or not at all, and return its file."""
        file = self.folder / f"{self._next:08}{table.PARQUET}"
        with files.atomic(file) as partial:
            table.write(partial, rows)
        self._next += 1
        return file


@contextmanager
def locked(output: Path) -> Iterator[Parts]:
    """Yield the parts of an output, which no other run may have at the same time.

    The folder goes when it is not needed any more.

    Raises:
        InputError: another run has them, or the folder can't be made.
    """
    folder = output.with_name(f".partial-{output.name}.parts")
    with concurrency.lock(folder / LOCK, f"{output}: another run writes it; wait for its end"):
        parts = Parts(folder)
        try:
            yield parts
        finally:
            if parts.are_merged or not any(folder.glob(f"[0-9]*{table.PARQUET}")):
                shutil.rmtree(folder, ignore_errors=True)
