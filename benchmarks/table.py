"""What the rows reached: `python -m benchmarks.table` writes docs/benchmarks.md and .png.

It writes the tables into the README, too. A row appears as soon as three of its seeds have run.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from ruamel.yaml import YAML
from scipy import stats

import stages
from fashion_mnist import files
from fashion_mnist.errors import InputError

RESULTS = Path("benchmarks/results")
ABLATION = Path("benchmarks/ablation")
SEEDS = 3  # fewer say nothing about the next one
# The accuracy that a rung is for, and within how many units.
RUNGS = {"92": (0.92, 2.5), "94": (0.94, 5), "95": (0.95, 30)}
# What params.yaml trains.
OURS = {"94": "our CNN, the 94 % rung", "mlp": "our MLP"}
TEXT = Path("benchmarks/table.md")
MARKS = ("<!-- made by benchmarks/table.py -->\n", "<!-- end -->\n")


class Row(NamedTuple):
    """The results of a row, a value a seed: accuracies are shares, times seconds."""

    name: str
    accuracy: np.ndarray
    flip_averaged: np.ndarray
    best_epoch: np.ndarray
    seconds: np.ndarray
    units: np.ndarray
    parameters: int


def load(name: str) -> Row | None:
    """Return the results of a row; None while fewer than SEEDS have run."""
    runs = [json.loads(path.read_text()) for path in sorted(RESULTS.glob(f"{name}-[0-9]*.json"))]
    if len(runs) < SEEDS:
        return None
    seconds = np.array([run["seconds"][-1] for run in runs])
    return Row(
        name,
        np.array([run["accuracy"][-1] for run in runs]),
        np.array([run["flip_averaged_accuracy"] for run in runs]),
        np.array([max(run["accuracy"]) for run in runs]),
        seconds,
        seconds / [run["unit_seconds"] for run in runs],
        runs[0]["parameters"],
    )


def spread(values: np.ndarray) -> str:
    """Return mean ± standard deviation."""
    return f"{values.mean():.2f} ± {values.std(ddof=1):.2f}"


def middle(values: np.ndarray) -> str:
    """Return median (lowest to highest): one busy moment of the machine moves a mean."""
    return f"{np.median(values):.1f} ({values.min():.1f} to {values.max():.1f})"


def verdict(published: float | None, accuracy: np.ndarray) -> str:
    """Judge a published figure by where one more run would land, with 95 % confidence.

    The bounds are mean ± t·sd·√(1 + 1/n) of Student's t over n seeds; the figure stands for all
    that rounds to it.
    """
    if published is None:
        return "no figure"
    count = len(accuracy)
    reach = stats.t.ppf(0.975, count - 1) * accuracy.std(ddof=1) * np.sqrt(1 + 1 / count)
    rounding = 0.5 * 10.0 ** -len(str(published).partition(".")[2])
    if published - rounding > accuracy.mean() + reach:
        return "not reached"
    if published + rounding < accuracy.mean() - reach:
        return "above"
    return "reproduced"


def ladder(rows: dict[str, Row]) -> str:
    """Return the rungs as a Markdown table."""
    lines = [
        "| rung | test accuracy, % | flips averaged, % | units | aim, units | seeds | |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, (accuracy, units) in RUNGS.items():
        if row := rows.get(name):
            met = {
                "accuracy": row.accuracy.mean() >= accuracy,
                "time": np.median(row.units) <= units,
            }
            missed = " and ".join(name for name, is_met in met.items() if not is_met)
            lines.append(
                f"| {100 * accuracy:g} % | {spread(100 * row.accuracy)} | "
                f"{spread(100 * row.flip_averaged)} | {middle(row.units)} | {units:g} | "
                f"{len(row.units)} | {f'**{missed} missed**' if missed else 'met'} |"
            )
    return "\n".join(lines)


def comparison(rows: dict[str, Row], published: dict[str, float | None]) -> str:
    """Return the published networks, and ours, as a Markdown table."""
    lines = [
        "| network | parameters | published, % | test accuracy, % | verdict | seconds | units "
        "| best epoch instead of last | seeds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        figure = published.get(name)
        ours = name not in published
        stated = "ours" if ours else "none" if figure is None else f"{100 * figure:g}"
        lines.append(
            f"| {label(name)} | {row.parameters:,} | {stated} | {spread(100 * row.accuracy)} | "
            f"{'' if ours else verdict(figure, row.accuracy)} | {np.median(row.seconds):.0f} | "
            f"{middle(row.units)} | {100 * (row.best_epoch - row.accuracy).mean():+.2f} | "
            f"{len(row.units)} |"
        )
    return "\n".join(lines)


def ablation() -> str:
    """Return what each change does to the 94 % rung on validation images, as a Markdown table."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(ABLATION.glob("*.json"))}
    if "nothing" not in found:
        return "Not measured yet."
    found = {"nothing": found.pop("nothing"), **found}
    lines = [
        "| changed | validation accuracy, % | difference, points (95 % interval) | units | seeds |",
        "|---|---|---|---|---|",
    ]
    for ablated in found.values():
        accuracy, baseline = (
            np.array([100 * run["accuracy"][-1] for run in side["runs"]])
            for side in (ablated, found["nothing"])
        )
        welch = stats.ttest_ind(accuracy, baseline, equal_var=False)
        low, high = welch.confidence_interval()
        difference = f"{accuracy.mean() - baseline.mean():+.2f} ({low:+.2f} to {high:+.2f})"
        units = [run["seconds"][-1] / run["unit_seconds"] for run in ablated["runs"]]
        changes = ", ".join(f"`{change}`" for change in ablated["changes"])
        lines.append(
            f"| {changes or 'nothing'} | {spread(accuracy)} | "
            f"{difference if changes else ''} | {np.median(units):.1f} | {len(units)} |"
        )
    return "\n".join(lines)


def document(rows: dict[str, Row], published: dict[str, float | None]) -> str:
    """Return docs/benchmarks.md: the text of table.md with the tables in it."""
    return TEXT.read_text().format(
        unit=middle(np.concatenate([row.seconds / row.units for row in rows.values()])),
        ladder=ladder(rows),
        comparison=comparison(rows, published),
        ablation=ablation(),
    )


def summary(rows: dict[str, Row], published: dict[str, float | None]) -> str:
    """Return what stands between MARKS in the README."""
    return f"{ladder(rows)}\n\n{comparison(rows, published)}\n"


def label(name: str) -> str:
    return OURS.get(name, f"{name} % rung" if name in RUNGS else name)


def draw(rows: dict[str, Row], path: Path) -> None:
    """Draw accuracy against training time, every seed a point."""
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    beside = 1.3 * max(row.units.max() for row in rows.values())
    height = -np.inf
    colors = iter(colormaps["Dark2"].colors)
    for name, row in sorted(rows.items(), key=lambda item: item[1].accuracy.mean()):
        ours = name in {**RUNGS, **OURS}
        color = "tab:blue" if ours else next(colors)
        accuracy = 100 * row.accuracy
        axes.plot(
            row.units, accuracy, "o" if ours else "s", markersize=6, alpha=0.75,
            color=color, markeredgewidth=0,
        )  # fmt: skip
        # All names in one column, none over another, each with lines to its points.
        height = max(accuracy.mean(), height + 0.3)
        center = np.median(row.units), accuracy.mean()
        for end in (*zip(row.units, accuracy, strict=True), (beside, height)):
            axes.plot(*zip(center, end, strict=True), color=color, alpha=0.3, linewidth=0.8)
        axes.text(1.04 * beside, height, label(name), va="center", fontsize=9, color=color)
    ticks = [tick for tick in (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500) if tick < beside]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlim(right=beside)
    axes.set_xlabel("training time, epochs of cnn-for-fashion-mnist in plain Keras")
    axes.set_ylabel("test accuracy after the last epoch, %")
    axes.set_title("Accuracy against training time, a point a seed", loc="left")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    with files.whole(path) as partial:
        figure.savefig(partial, format="png", dpi=120, metadata={"Software": None})


def main() -> None:
    published = YAML(typ="safe").load(Path("benchmarks/published.yaml"))
    found = (load(name) for name in [*RUNGS, *OURS, *published])
    rows = {row.name: row for row in found if row}
    if not rows:
        raise InputError(f"{RESULTS}: no row with {SEEDS} seeds; `make benchmarks` makes them")
    files.write_bytes(Path("docs/benchmarks.md"), document(rows, published).encode())
    draw(rows, Path("docs/benchmarks.png"))
    readme = Path("README.md").read_text()
    if [readme.count(mark) for mark in MARKS] != [1, 1]:
        raise InputError(f"README.md: expected one line {MARKS[0]!r} and one {MARKS[1]!r}")
    before, _, rest = readme.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    block = MARKS[0] + summary(rows, published) + MARKS[1]
    files.write_bytes(Path("README.md"), (before + block + after).encode())


if __name__ == "__main__":
    stages.run(main)
