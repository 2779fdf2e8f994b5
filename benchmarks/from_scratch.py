"""What `make` takes from nothing: `python -m benchmarks.from_scratch` writes docs/from_scratch.md.

In a clone of the last commit, with no package cached. The times are what a person at a terminal
sees: when dvc starts each stage, and what the bar of a training loop says at its end.
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

import stages
from fashion_mnist import files

STAGE = re.compile(r"Running stage '(\w+)'")
LOOP = re.compile(r"(mlp|cnn), epoch [^\r]*\[(\d+):(\d+)<")
SOURCE = re.compile(r"data/raw: four files from (\S+),")
TEXT = """# How long `make` takes from nothing

Made by `python -m benchmarks.from_scratch` on {cores} cores: `make` in a clone of the last commit,
with no package cached and the dataset from `{source}`.

| part | seconds | its training loop |
|---|---|---|
{parts}
| **all** | **{total:.0f}** | **{training:.0f}** |

Everything else than training takes {rest:.0f} s, {without_packages:.0f} s once the packages are
there. A stage that is missing here did not run: its inputs came out as committed, byte for byte,
and its results are in Git.
"""


def at_a_terminal(command: list[str], folder: Path) -> tuple[str, dict[str, float]]:
    """Run `command` in a terminal of its own.

    Returns:
        What it printed, and the seconds from one stage's start to the next one's; what comes before
        the first stage is `packages`.
    """
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 120, 0, 0))
    begins, printed = {"packages": time.perf_counter()}, ""
    environment = {**os.environ, "UV_NO_CACHE": "1", "PIP_NO_CACHE_DIR": "1"}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    while part := read(screen):
        printed += part
        for stage in STAGE.findall(printed):
            begins.setdefault(stage, time.perf_counter())
    if process.wait():
        sys.exit(f"error: {' '.join(command)} failed:\n{printed}")
    ends = [*begins.values(), time.perf_counter()][1:]
    return printed, {
        part: end - begin for (part, begin), end in zip(begins.items(), ends, strict=True)
    }


def read(screen: int) -> str:
    try:
        return os.read(screen, 65536).decode(errors="replace")
    except OSError:  # so Linux says that no program writes to this terminal any more
        return ""


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch) / "clone"
        subprocess.run(["git", "clone", "--quiet", ".", clone], check=True)
        printed, parts = at_a_terminal(["make"], clone)
    # The last word of each bar.
    loops = {
        f"train_{model}": 60 * int(minutes) + int(seconds)
        for model, minutes, seconds in LOOP.findall(printed)
    }
    total, training = sum(parts.values()), sum(loops.values())
    text = TEXT.format(
        cores=os.cpu_count(),
        source=SOURCE.search(printed)[1],
        parts="\n".join(
            f"| {part} | {seconds:.0f} | {loops.get(part, '')} |" for part, seconds in parts.items()
        ),
        total=total,
        training=training,
        rest=total - training,
        without_packages=total - training - parts["packages"],
    )
    files.write_bytes(Path("docs/from_scratch.md"), text.encode())


if __name__ == "__main__":
    stages.run(main)
