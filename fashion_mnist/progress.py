"""Progress on stderr: lines, and bars on a terminal. QUIET=1 turns both off."""

import os
import sys
from typing import Any

from tqdm import tqdm


def is_quiet() -> bool:
    """Return whether the environment variable QUIET asks for silence."""
    return os.environ.get("QUIET", "") not in ("", "0")


def say(line: str) -> None:
    """Print a line before a step that takes seconds."""
    if not is_quiet():
        print(line, file=sys.stderr, flush=True)


def bar(disable: bool = False, **options: Any) -> tqdm:
    """Return a progress bar that only a terminal shows; `options` are tqdm's."""
    return tqdm(**options, disable=True if disable or is_quiet() else None)


def write(line: str) -> None:
    """Print a line on stderr, even if quiet, and above a bar that stands there."""
    tqdm.write(line, file=sys.stderr)
