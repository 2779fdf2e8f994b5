"""Atomic writes: a file appears whole or not at all."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fashion_mnist.errors import InputError


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a path to write to; when the block succeeds, rename that file to `path`.

    The partial file has a fixed name beside `path`, so a run after a kill overwrites it.

    Raises:
        InputError: the file can't be written, or another process is writing it.
    """
    partial = path.with_name(f".partial-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("ab") as lock:
            # Such as a stage whose `dvc repro` was killed: two would mix their bytes.
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    f"{path}: another process is writing it; start again when that one has ended"
                ) from None
            try:
                yield partial
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{path}: not written ({reason}); check space and permissions") from None


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically."""
    with atomic(path) as partial:
        partial.write_bytes(content)


def write_json(path: Path, content: Any) -> None:
    """Write `content` as JSON, floats with six digits; NaN, which JSON lacks, is a ValueError."""
    text = json.dumps(content, allow_nan=False)
    readable = json.loads(text, parse_float=lambda number: float(f"{float(number):.6g}"))
    write_bytes(path, (json.dumps(readable, indent=2) + "\n").encode())
