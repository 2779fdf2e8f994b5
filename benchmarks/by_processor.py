"""Times by kind of processor: one file for each kind, one table for all.

A machine writes the file of its own kind and leaves the others alone.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import measured
from fashion_mnist import files
from fashion_mnist.training import processor

FOLDER = Path("benchmarks/times")


def write(name: str, content: dict[str, Any], *inputs: str) -> None:
    """Write a measurement made on this machine.

    Args:
        name: of the measurement, such as speed.
        content: what was measured.
        inputs: what it was measured on, as for `measured.record`.
    """
    described = processor.describe()
    path = FOLDER / name / f"{described['kind'].replace(' ', '-')}.json"
    files.write_json(path, {"processor": described, **content})
    measured.record(path, *inputs)


def read(name: str) -> dict[str, dict[str, Any]]:
    """Return the measurements of a name by kind of processor, the slowest kind first."""
    found = [json.loads(path.read_text()) for path in sorted((FOLDER / name).glob("*.json"))]
    by_kind = {content["processor"]["kind"]: content for content in found}
    return {kind: by_kind[kind] for kind in sorted(by_kind, key=_speed)}


def _speed(kind: str) -> tuple[int, str]:
    """Return a key that sorts slow kinds first, and a limited processor before an unlimited one."""
    known = list(processor.KINDS)
    name = kind.partition(" on ")[0]
    return (-known.index(name) if name in known else 1, kind)


def table(corner: str, rows: dict[str, list[str]], kinds: list[str]) -> str:
    """Return a Markdown table with one column for each kind."""
    lines = [[corner, *kinds], ["---"] * (1 + len(kinds))]
    lines += [[name, *cells] for name, cells in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machines(found: dict[str, dict[str, Any]]) -> str:
    """Return a line that names the processor behind each kind."""
    described = [content["processor"] for content in found.values()]
    parts = [f"{p['kind']}: {p['cores']} cores of {p['model']}" for p in described]
    text = f"Measured on: {'; '.join(parts)}."
    limited = [f"`{kind}`" for kind in found if " on " in kind]
    if limited:
        text += (
            f"\n{', '.join(limited)}: the faster processor, limited by `ONEDNN_MAX_CPU_ISA` to the"
            "\ninstructions of the slower kind."
        )
    return text


def middle(values: list[float] | np.ndarray, digits: int = 0) -> str:
    """Return median (lowest to highest); a mean would follow one busy moment of the machine."""
    median, low, high = np.median(values), np.min(values), np.max(values)
    return f"{median:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"
