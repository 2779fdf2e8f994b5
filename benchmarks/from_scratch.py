"""How long `make` takes from nothing: `python -m benchmarks.from_scratch`.

In a clone of the last commit, with no package cached. The times are what a person at a terminal
sees: when dvc starts each stage, and what the bar of a training loop says at its end. Writes
docs/from_scratch.md.
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
from benchmarks import by_processor, measured
from fashion_mnist import files

STAGE = re.compile(r"Running stage '(\w+)'")
LOOP = re.compile(r"(mlp|cnn), epoch [^\r]*\[(?:(\d+):)?(\d+):(\d+)<")
STAGES = [
    *("download", "normalize", "train_mlp", "train_cnn"),
    *("evaluate", "feature_maps", "export", "similar_items"),
]
INPUTS = (
    *measured.TRAINING,
    *("Makefile", "dvc.yaml"),
    *(path.as_posix() for path in sorted(Path("stages").glob("*.py"))),
    *(f"fashion_mnist/{name}.py" for name in ("activations", "conversion", "figures")),
    *(f"fashion_mnist/{name}.py" for name in ("metrics", "similarity", "sources")),
)
SOURCE = re.compile(r"data/raw: four files from (\S+),")
TEXT = """# How long `make` takes from nothing

Made by `python -m benchmarks.from_scratch`: `make` in a clone of the last commit, with no package
cached. Seconds; in brackets, the training loop alone. {machines}

{table}

A stage with "-" did not run: its inputs came out as committed, byte for byte, and its results are
in Git. "Packages" are downloaded and installed once. The dataset came from {sources}.
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
    environment = {
        **os.environ,
        **{"UV_NO_CACHE": "1", "PIP_NO_CACHE_DIR": "1"},
        **{"CUDA_VISIBLE_DEVICES": "-1", "QUIET": ""},  # a processor's times, by its bars
    }
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
    measured.require_commit()
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch) / "clone"
        subprocess.run(["git", "clone", "--quiet", ".", clone], check=True)
        printed, parts = at_a_terminal(["make"], clone)
    # The last word of each bar.
    loops = {
        f"train_{model}": 3600 * int(hours or 0) + 60 * int(minutes) + int(seconds)
        for model, hours, minutes, seconds in LOOP.findall(printed)
    }
    source = SOURCE.search(printed)[1]
    by_processor.write("from_scratch", {"parts": parts, "loops": loops, "source": source}, *INPUTS)
    files.write_bytes(
        Path("docs/from_scratch.md"), document(by_processor.read("from_scratch")).encode()
    )


def document(by_kind: dict[str, dict]) -> str:
    """Return docs/from_scratch.md, from what was measured by kind of processor."""

    def cell(seconds: float | None, loop: float | None) -> str:
        return "-" if seconds is None else f"{seconds:.0f}" + (f" ({loop:.0f})" if loop else "")

    found = by_kind.values()
    rows = {
        part: [cell(of_kind["parts"].get(part), of_kind["loops"].get(part)) for of_kind in found]
        for part in ("packages", *STAGES)
    }
    totals = [(sum(of["parts"].values()), of["parts"]["packages"], of["loops"]) for of in found]
    rows["**all**"] = [f"**{total:.0f}**" for total, _, _ in totals]
    rows["without packages"] = [f"{total - packages:.0f}" for total, packages, _ in totals]
    rows["without packages and training loops"] = [
        f"{total - packages - sum(loops.values()):.0f}" for total, packages, loops in totals
    ]
    return TEXT.format(
        machines=by_processor.machines(by_kind),
        table=by_processor.table("part", rows, list(by_kind)),
        sources=", ".join(sorted({f"`{of_kind['source']}`" for of_kind in found})),
    )


if __name__ == "__main__":
    stages.run(main)
