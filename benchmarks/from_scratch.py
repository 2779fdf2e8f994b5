"""Measure how long `make` takes from nothing: `python -m benchmarks.from_scratch`.

`make` runs in a clone of the last commit, with no package cached. The times are those that a person
at a terminal sees: the moment when dvc starts a stage, and the seconds that a training's bar shows
at its end. The result is docs/from_scratch.md.
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import tempfile
import termios
import time
from pathlib import Path

from benchmarks import by_processor, measured
from fashion_mnist import command, files
from fashion_mnist.errors import InputError

STAGE = re.compile(r"Running stage '(\w+)'")
LOOP = re.compile(r"(mlp|cnn), epoch [^\r]*\[(?:(\d+):)?(\d+):(\d+)<")
STAGES = [
    "check_params",
    "download",
    "normalize",
    "train_mlp",
    "train_cnn",
    "evaluate",
    "feature_maps",
    "probe_layers",
    "export",
    "photographs",
    "similar_items",
]
INPUTS = (
    *measured.TRAINING,
    "Makefile",
    "dvc.yaml",
    *(path.as_posix() for path in sorted(Path("stages").glob("*.py"))),
    "fashion_mnist/dataset/sources.py",
    "fashion_mnist/evaluation/metrics.py",
    "fashion_mnist/evaluation/plots.py",
    "fashion_mnist/evaluation/retrieval.py",
    "fashion_mnist/training/activations.py",
    "fashion_mnist/training/onnx_export.py",
)
SOURCE = re.compile(r"data/raw: .+ from (\S+), verified")
TEXT = """# How long `make` takes from nothing

Made by `python -m benchmarks.from_scratch`: `make` in a clone of the last commit, with no package
cached. A cell has seconds, with the seconds of the training loop alone in brackets. {machines}

{table}

A stage with "-" did not run, because its inputs were the committed ones, byte for byte, and all
its results are in Git, or because it is younger than the measurement. "Packages" are downloaded
and installed once. The dataset came from
{sources}.
"""


def at_a_terminal(arguments: list[str], folder: Path) -> tuple[str, dict[str, float]]:
    """Run a command in its own terminal.

    Returns:
        What it printed, and the seconds from each stage's start to the next; the time before the
        first stage is called `packages`.

    Raises:
        InputError: the command fails.
    """
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 120, 0, 0))
    begins, printed = {"packages": time.perf_counter()}, ""
    environment = {
        **os.environ,
        "UV_NO_CACHE": "1",
        "PIP_NO_CACHE_DIR": "1",
        "CUDA_VISIBLE_DEVICES": "-1",  # the columns are processors
        "QUIET": "",  # the bars are read
    }
    process = subprocess.Popen(
        arguments, cwd=folder, env=environment, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    while part := read(screen):
        printed += part
        for stage in STAGE.findall(printed):
            begins.setdefault(stage, time.perf_counter())
    if process.wait():
        raise InputError(f"{' '.join(arguments)} failed: {printed.strip().splitlines()[-1:]}")
    ends = [*begins.values(), time.perf_counter()][1:]
    return printed, {
        part: end - begin for (part, begin), end in zip(begins.items(), ends, strict=True)
    }


def read(screen: int) -> str:
    try:
        return os.read(screen, 65536).decode(errors="replace")
    except OSError:  # Linux raises it when the last program on the terminal has ended
        return ""


def main() -> None:
    measured.require_commit()
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch) / "clone"
        subprocess.run(["git", "clone", "--quiet", ".", clone], check=True)
        printed, parts = at_a_terminal(["make"], clone)
    # Of each bar, the last state counts.
    loops = {
        f"train_{model}": 3600 * int(hours or 0) + 60 * int(minutes) + int(seconds)
        for model, hours, minutes, seconds in LOOP.findall(printed)
    }
    found = SOURCE.search(printed)
    if found is None:
        raise InputError("make: no line about data/raw; the download did not run")
    source = found[1]
    by_processor.write("from_scratch", {"parts": parts, "loops": loops, "source": source}, *INPUTS)
    files.write_bytes(
        Path("docs/from_scratch.md"), document(by_processor.read("from_scratch")).encode()
    )


def document(by_kind: dict[str, dict]) -> str:
    """Return docs/from_scratch.md from the measurements by kind of processor."""

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
    command.run(main, command.parser(__doc__))
