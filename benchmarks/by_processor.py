"""Times by kind of processor: each kind's in a file of its own, all of them in one table.

A machine that measures writes its kind's file and leaves the others alone.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import measured
from fashion_mnist import files, processor

FOLDER = Path("benchmarks/times")
# In tables, the order of the columns; a kind that is not here comes behind them.
ORDER = [
    "AVX2",
    "AVX2 on AVX512-BF16",
    "AVX512",
    "AVX512 on AVX512-BF16",
    "AVX512-BF16",
    "AMX-BF16",
]


def write(name: str, content: dict[str, Any], *inputs: str) -> None:
    """Write what was measured of `name`, such as speed, on this machine; `inputs`: of what."""
    described = processor.describe()
    path = FOLDER / name / f"{described['kind'].replace(' ', '-')}.json"
    files.write_json(path, {"processor": described, **content})
    measured.record(path, *inputs)


def read(name: str) -> dict[str, dict[str, Any]]:
    """Return what was measured of `name`, by kind of processor, in the order of columns."""
    found = [json.loads(path.read_text()) for path in sorted((FOLDER / name).glob("*.json"))]
    by_kind = {content["processor"]["kind"]: content for content in found}
    known = [kind for kind in ORDER if kind in by_kind]
    return {kind: by_kind[kind] for kind in [*known, *sorted(by_kind.keys() - set(known))]}


def table(corner: str, rows: dict[str, list[str]], kinds: list[str]) -> str:
    """Return a Markdown table with a column for each kind."""
    lines = [[corner, *kinds], ["---"] * (1 + len(kinds))]
    lines += [[name, *cells] for name, cells in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machines(found: dict[str, dict[str, Any]]) -> str:
    """Return a line that says what the kinds are and on which processors they were measured."""
    described = [content["processor"] for content in found.values()]
    parts = [f"{p['kind']}: {p['cores']} cores of {p['model']}" for p in described]
    text = f"Measured on: {'; '.join(parts)}."
    if any(" on " in kind for kind in found):
        text += (
            "\n`AVX2 on ...` is the newer processor, held to AVX2 by `ONEDNN_MAX_CPU_ISA=AVX2`, and"
            "\nonly TensorFlow takes notice; older processors are slower still."
        )
    return text


def middle(values: list[float] | np.ndarray, digits: int = 0) -> str:
    """Return median (lowest to highest): one busy moment of the machine moves a mean."""
    median, low, high = np.median(values), np.min(values), np.max(values)
    return f"{median:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"
