"""Commands of the library, with the time and the memory that they take."""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

SAMPLE_SECONDS = 0.5
SHARE = 0.02  # of the time that samples of a large process's memory may take


class Done(NamedTuple):
    """A command that has ended: its seconds, what it printed, and megabytes over time."""

    seconds: float
    printed: str
    megabytes: list[float]


def command_line(name: str, *arguments: str) -> list[str]:
    """Return the command line that starts a command of the library."""
    return [sys.executable, "-m", f"fashion_mnist.{name}", *arguments]


def run(name: str, *arguments: str) -> Done:
    """Run a command, and measure its time and the memory of all its processes."""
    megabytes, start = [], time.monotonic()
    with tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen(command_line(name, *arguments), stdout=printed)
        while process.poll() is None:
            sampled = time.monotonic()
            megabytes.append(_megabytes(process.pid))
            time.sleep(max(SAMPLE_SECONDS, (time.monotonic() - sampled) / SHARE))
        seconds = time.monotonic() - start
        printed.seek(0)
        said = printed.read()
    if process.returncode:
        raise RuntimeError(f"{name}: exit status {process.returncode}")
    return Done(seconds, said, megabytes)


def _megabytes(process: int) -> float:
    """Return the memory of a process and of those that it started, shared pages counted once."""
    try:
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:  # it has just ended
        return 0.0
    own = int(re.findall(r"(?m)^Pss: +(\d+)", rollup)[0]) * 1024 / 1e6
    return own + sum(_megabytes(int(child)) for child in children)
