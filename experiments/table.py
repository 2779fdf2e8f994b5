"""Write docs/benchmarks.md and .png, what the rows reached: `python -m experiments.table`.

A row appears once three of its seeds have run.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from ruamel.yaml import YAML
from scipy import stats

from benchmarks import by_processor, cost
from experiments import rows
from experiments.training import IMAGES, build
from fashion_mnist import command, files
from fashion_mnist.errors import InputError
from fashion_mnist.params.dataset import Dataset

RESULTS = Path("experiments/results")
ABLATION = Path("experiments/ablation")
PUBLISHED = Path("experiments/published.yaml")
SEEDS = 3  # fewer say nothing about the next seed
# What params.yaml trains, and the network that the ablations change.
OURS = {"cnn": "our CNN", "mlp": "our MLP", "six-convolutions": "six convolutions"}
TEXT = Path("experiments/table.md")


class Rung(NamedTuple):
    """The accuracy that a rung is for, and the units of time that it may take.

    Attributes:
        accuracy: a share.
        units: by the end of a kind of processor: BF16 stands for AVX512-BF16 and AMX-BF16.
    """

    accuracy: float
    units: dict[str, float]

    def is_late(self, kind: str, taken: np.ndarray | None) -> bool:
        """Return whether a processor of `kind` took longer; a limited one has its limit's aim."""
        name = kind.partition(" on ")[0]
        aim = next((aim for end, aim in self.units.items() if name.endswith(end)), None)
        return aim is not None and taken is not None and bool(np.median(taken) > aim)


RUNGS = {
    # What all published models but one reach here.
    "91": Rung(0.91, {}),
    "92": Rung(0.92, {"AVX2": 2, "BF16": 1}),
    # With AVX2 15 units are five minutes.
    "94": Rung(0.94, {"AVX2": 15, "BF16": 5}),
    "95": Rung(0.95, {"BF16": 60}),
}


class Row(NamedTuple):
    """The results of a row, one share per seed, and the cost of its training."""

    name: str
    accuracy: np.ndarray
    flip_averaged: np.ndarray
    best_epoch: np.ndarray
    parameters: int
    multiply_adds: int
    is_mirror_averaged: bool

    @property
    def exported(self) -> np.ndarray:
        """The accuracy of the exported model, which may look at the mirror image, too."""
        return self.flip_averaged if self.is_mirror_averaged else self.accuracy


def load(name: str) -> Row | None:
    """Return the results of a row; None while fewer than SEEDS have run."""
    runs = [json.loads(path.read_text()) for path in sorted(RESULTS.glob(f"{name}-[0-9]*.json"))]
    if len(runs) < SEEDS:
        return None
    train, recipe = rows.read(name, seed=0)
    return Row(
        name,
        np.array([run["accuracy"][-1] for run in runs]),
        np.array([run["flip_averaged_accuracy"] for run in runs]),
        np.array([max(run["accuracy"]) for run in runs]),
        runs[0]["parameters"],
        cost.training(build(recipe, Dataset.load()), IMAGES["test"], train.epochs),
        rows.is_mirror_averaged(name),
    )


def spread(values: np.ndarray) -> str:
    """Return mean ± standard deviation."""
    return f"{values.mean():.2f} ± {values.std(ddof=1):.2f}"


def units(measured: dict, name: str) -> np.ndarray | None:
    """Return the units of time that a row takes, one per round; None where it was not timed."""
    seconds = measured["seconds"].get(name)
    return None if seconds is None else np.array(seconds) / measured["unit_seconds"]


def verdict(published: float | None, accuracy: np.ndarray) -> str:
    """Judge whether a published accuracy could come from one more seed, with 95 % confidence.

    The bounds are mean ± t·sd·√(1 + 1/n) of Student's t over n seeds. A published accuracy stands
    for every value that rounds to it.
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


def ladder(found: dict[str, Row], times: dict[str, dict]) -> str:
    """Return the rungs as a Markdown table.

    Args:
        found: the rows with results.
        times: the times that training_times measured, by kind of processor.
    """
    headings = ["rung", "test accuracy, %", "with the mirror, %", "multiply-adds, 10^12"]
    headings += [*(f"units, {kind}" for kind in times), "aim, units", "seeds", ""]
    lines = [headings, ["---"] * len(headings)]
    for name, rung in RUNGS.items():
        if row := found.get(name):
            taken = {kind: units(measured, name) for kind, measured in times.items()}
            late = [kind for kind, each in taken.items() if rung.is_late(kind, each)]
            missed = ["accuracy"] if row.exported.mean() < rung.accuracy else []
            if late:
                missed.append(f"time with {', '.join(late)}")
            untimed = [kind for kind, each in taken.items() if each is None and rung.units]
            met = f"accuracy met; time unknown with {', '.join(untimed)}" if untimed else "met"
            alone, mirrored = spread(100 * row.accuracy), spread(100 * row.flip_averaged)
            lines.append(
                [
                    f"{100 * rung.accuracy:g} %",
                    alone if row.is_mirror_averaged else f"**{alone}**",
                    f"**{mirrored}**" if row.is_mirror_averaged else mirrored,
                    f"{row.multiply_adds / 1e12:.1f}",
                    *(
                        "-" if each is None else by_processor.middle(each, 1)
                        for each in taken.values()
                    ),
                    ", ".join(f"{aim:g} ({kind})" for kind, aim in rung.units.items()) or "-",
                    f"{len(row.accuracy)}",
                    f"**missed: {', '.join(missed)}**" if missed else met,
                ]
            )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def comparison(
    found: dict[str, Row], published: dict[str, float | None], times: dict[str, dict]
) -> str:
    """Return the published models and ours as a Markdown table; arguments as for `ladder`."""
    headings = ["model", "parameters", "published, %", "test accuracy, %", "verdict"]
    headings += ["multiply-adds, 10^12", *(f"seconds (units), {kind}" for kind in times)]
    headings += ["best epoch instead of last", "seeds"]
    lines = [headings, ["---"] * len(headings)]
    for name, row in found.items():
        figure = published.get(name)
        ours = name not in published
        stated = "ours" if ours else "none" if figure is None else f"{100 * figure:g}"
        lines.append(
            [
                label(name),
                f"{row.parameters:,}",
                stated,
                spread(100 * row.exported),
                "" if ours else verdict(figure, row.accuracy),
                f"{row.multiply_adds / 1e12:.2g}",
                *(_seconds_and_units(measured, name) for measured in times.values()),
                f"{100 * (row.best_epoch - row.accuracy).mean():+.2f}",
                f"{len(row.accuracy)}",
            ]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def overtaking(
    found: dict[str, Row], published: dict[str, float | None], times: dict[str, dict]
) -> str:
    """Return, as a Markdown table, which of our rows reaches each published model's accuracy first.

    The accuracies are the means over the seeds. Arguments as for `ladder`.
    """
    ours = sorted(found.keys() - published.keys(), key=lambda name: found[name].multiply_adds)
    headings = ["model", "test accuracy, %", "our first row to reach it", "its test accuracy, %"]
    headings += [f"share of the time, {kind}" for kind in times]
    lines = [headings, ["---"] * len(headings)]
    for theirs in published:
        if not (row := found.get(theirs)):
            continue
        aim = row.accuracy.mean()
        first = next((name for name in ours if found[name].exported.mean() >= aim), None)
        if first is None:
            lines.append([theirs, spread(100 * row.accuracy), "none", *["-"] * (1 + len(times))])
            continue
        seconds = [measured["seconds"] for measured in times.values()]
        lines.append(
            [
                theirs,
                spread(100 * row.accuracy),
                label(first),
                spread(100 * found[first].exported),
                *(
                    f"1/{np.median(of[theirs]) / np.median(of[first]):.1f}"
                    if {first, theirs} <= of.keys()
                    else "-"
                    for of in seconds
                ),
            ]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _seconds_and_units(measured: dict, name: str) -> str:
    taken = units(measured, name)
    if taken is None:
        return "-"
    return f"{np.median(measured['seconds'][name]):.0f} ({np.median(taken):.1f})"


def ablation() -> str:
    """Return the effect of each change on `ablate.ROW`, on validation images, as a table."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(ABLATION.glob("*.json"))}
    if "nothing" not in found:
        return "Not measured yet."
    found = {"nothing": found.pop("nothing"), **found}
    lines = [
        "| changed | validation accuracy, % | difference, points (95 % interval) | seeds |",
        "|---|---|---|---|",
    ]
    for ablated in found.values():
        accuracy, baseline = _last_accuracies(ablated), _last_accuracies(found["nothing"])
        welch = stats.ttest_ind(accuracy, baseline, equal_var=False)
        low, high = welch.confidence_interval()
        difference = f"{accuracy.mean() - baseline.mean():+.2f} ({low:+.2f} to {high:+.2f})"
        changes = ", ".join(f"`{change}`" for change in ablated["changes"])
        lines.append(
            f"| {changes or 'nothing'} | {spread(accuracy)} | "
            f"{difference if changes else ''} | {len(accuracy)} |"
        )
    return "\n".join(lines)


def _last_accuracies(ablated: dict) -> np.ndarray:
    """Return the accuracy after the last epoch of each seed, in percent."""
    return np.array([100 * run["accuracy"][-1] for run in ablated["runs"]])


def document(found: dict[str, Row], published: dict[str, float | None]) -> str:
    """Return docs/benchmarks.md: table.md with the tables filled in."""
    times = by_processor.read("training_times")
    return TEXT.read_text().format(
        units="\n".join(
            f"- {kind}: {by_processor.middle(measured['unit_seconds'], 1)} s"
            for kind, measured in times.items()
        ),
        machines=by_processor.machines(times),
        ladder=ladder(found, times),
        comparison=comparison(found, published, times),
        overtaking=overtaking(found, published, times),
        ablation=ablation(),
    )


def label(name: str) -> str:
    return OURS.get(name, f"{name} % rung" if name in RUNGS else name)


def draw(found: dict[str, Row], times: dict[str, dict], path: Path) -> None:
    """Draw accuracy against seconds, and against multiply-adds, one point per seed.

    The seconds are those of the kind of processor on which most rows were timed.
    """
    figure = Figure(figsize=(13, 5.5), layout="constrained")
    by_time, by_work = figure.subplots(1, 2, sharey=True)
    kind = max(times, key=lambda kind: len(found.keys() & times[kind]["seconds"].keys()))
    seconds = {name: np.median(each) for name, each in times[kind]["seconds"].items()}
    costs = {name: row.multiply_adds / 1e12 for name, row in found.items()}
    others = iter(colormaps["Dark2"](range(8)))
    beside = 1.6 * max(costs.values())
    height = -np.inf
    for name, row in sorted(found.items(), key=lambda item: item[1].exported.mean()):
        ours = name in {**RUNGS, **OURS}
        color = "tab:blue" if ours else next(others)
        accuracy = 100 * row.exported
        for axes, of in ((by_time, seconds), (by_work, costs)):
            if name in of:
                axes.plot(
                    np.full(len(accuracy), of[name]), accuracy, "o" if ours else "s",
                    markersize=6, alpha=0.6, color=color, markeredgewidth=0,
                )  # fmt: skip
        # The names stand in one column, without overlap, each with a line to its points.
        height = max(accuracy.mean(), height + 0.3)
        by_work.plot(
            [costs[name], beside], [accuracy.mean(), height], color=color, alpha=0.3, linewidth=0.8
        )
        by_work.text(1.06 * beside, height, label(name), va="center", fontsize=9, color=color)
    by_time.set_ylabel("test accuracy after the last epoch, %")
    by_time.set_title("Accuracy against the cost of training, a point a seed", loc="left")
    for axes, said in (
        (by_time, f"seconds of the whole training, two cores with {kind}"),
        (by_work, "multiply-adds of the whole training, 10$^{12}$ (the same on every machine)"),
    ):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.set_xlabel(said)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    by_work.set_xlim(min(costs.values()) / 1.6, beside)
    with files.atomic(path) as partial:
        figure.savefig(partial, format="png", dpi=120, metadata={"Software": None})


def load_all(published: dict[str, float | None]) -> dict[str, Row]:
    """Return the rows that have results, by name: rungs, what params.yaml trains, published ones.

    Raises:
        InputError: no row has results.
    """
    loaded = [load(name) for name in [*RUNGS, *OURS, *published]]
    found = {row.name: row for row in loaded if row}
    if not found:
        raise InputError(f"{RESULTS}: no row with {SEEDS} seeds; make them with `make benchmarks`")
    return found


def main() -> None:
    published = YAML(typ="safe").load(PUBLISHED)
    found = load_all(published)
    files.write_bytes(Path("docs/benchmarks.md"), document(found, published).encode())
    draw(found, by_processor.read("training_times"), Path("docs/benchmarks.png"))


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
