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


def write(name: str, content: dict[str, Any], *inputs: str) -> None:
    """Write what was measured of `name`, such as speed, on this machine; `inputs`: of what."""
    described = processor.describe()
    path = FOLDER / name / f"{described['kind'].replace(' ', '-')}.json"
    files.write_json(path, {"processor": described, **content})
    measured.record(path, *inputs)


def read(name: str) -> dict[str, dict[str, Any]]:
    """Return what was measured of `name`, by kind of processor, the slowest kind first."""
    found = [json.loads(path.read_text()) for path in sorted((FOLDER / name).glob("*.json"))]
    by_kind = {content["processor"]["kind"]: content for content in found}
    return {kind: by_kind[kind] for kind in sorted(by_kind, key=_speed)}


def _speed(kind: str) -> tuple[int, str]:
    """Sort slower kinds first, and one that holds a faster processor before that one."""
    known = list(processor.KINDS)
    name = kind.partition(" on ")[0]
    return (-known.index(name) if name in known else 1, kind)


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
    held = [f"`{kind}`" for kind in found if " on " in kind]
    if held:
        text += (
            f"\n{', '.join(held)}: the faster processor, its training held to the instructions of"
            "\nthe slower kind by `ONEDNN_MAX_CPU_ISA`."
        )
    return text


def middle(values: list[float] | np.ndarray, digits: int = 0) -> str:
    """Return median (lowest to highest): one busy moment of the machine moves a mean."""
    median, low, high = np.median(values), np.min(values), np.max(values)
    return f"{median:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"
