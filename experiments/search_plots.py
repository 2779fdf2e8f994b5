"""The plots of a search, most of them Optuna's: history, importances, slices, front."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from matplotlib import pyplot
from matplotlib.figure import Figure
from optuna.trial import FrozenTrial, TrialState
from optuna.visualization import matplotlib as drawing

from experiments.space import Cost
from experiments.trial import accuracy
from fashion_mnist.evaluation import plots

ACCURACY = "validation accuracy, %"
UNITS: dict[Cost, tuple[float, str]] = {
    "multiply_adds": (1e12, "multiply-adds of the whole training, 10$^{12}$"),
    "seconds": (1, "seconds of the training"),
}


def draw(study: optuna.Study, cost: Cost | None, compared: pd.DataFrame, folder: Path) -> None:
    """Draw what is known of a search into its folder.

    Args:
        study: with whole trials.
        cost: the second objective.
        compared: name, accuracy (a share) and multiply_adds of other trainings.
        folder: of the PNGs.
    """
    whole = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if cost:
        plots.save(folder / "front.png", front(whole, study.best_trials, cost, compared))
    # Optuna changes matplotlib's style, and warns of what is done below.
    with pyplot.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _draw_by_optuna(study, whole, folder)


def _draw_by_optuna(study: optuna.Study, whole: list[FrozenTrial], folder: Path) -> None:
    history = drawing.plot_optimization_history(study, target=_percent, target_name=ACCURACY)
    history.set(title="Whole trials in their order", xlabel="trial", ylabel=ACCURACY)
    history.get_legend().remove()
    _save(history, folder / "history.png", (8, 4))
    varied = [name for name in whole[0].params if len({one.params[name] for one in whole}) > 1]
    if len(whole) > 1 and varied:
        # Optuna's importances are for reaching low values.
        importances = drawing.plot_param_importances(
            study, target=lambda trial: -_percent(trial), target_name=ACCURACY
        )
        importances.set_title("Importance of each key for the accuracy", loc="left")
        importances.set(xlabel="importance", ylabel="")
        importances.get_legend().remove()
        _save(importances, folder / "importances.png", (8, 4))
        slices: Any = drawing.plot_slice(study, varied, target=_percent, target_name=ACCURACY)
        longest = 0
        for axes, name in zip(np.ravel(slices), sorted(varied), strict=True):
            axes.tick_params("x", which="both", labelrotation=90, labelsize=7)
            if isinstance(whole[0].params[name], str):  # JSON, which may be long
                longest = max(longest, *(len(one.params[name]) for one in whole))
        np.ravel(slices)[0].figure.suptitle("")
        _save(slices, folder / "slices.png", (4 * len(varied), 4 + longest / 14))


def _percent(trial: FrozenTrial) -> float:
    return 100 * accuracy(trial)


def _save(drawn: Any, path: Path, size: tuple[float, float]) -> None:
    figure = np.ravel(drawn)[0].figure
    figure.set_size_inches(size)
    figure.set_layout_engine("constrained")
    plots.save(path, figure)
    pyplot.close(figure)


def front(
    whole: list[FrozenTrial], best: list[FrozenTrial], cost: Cost, compared: pd.DataFrame
) -> Figure:
    """Return a drawing of the front of a search, over the trainings that it is compared with."""
    unit, label = UNITS[cost]
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    others = [one for one in whole if one not in best]
    axes.plot(
        [one.user_attrs[cost] / unit for one in others], [_percent(one) for one in others],
        "o", color=plots.MUTED, alpha=0.4, markersize=5, markeredgewidth=0, label="other trials",
    )  # fmt: skip
    ranked = sorted(best, key=lambda one: one.user_attrs[cost])
    axes.plot(
        [one.user_attrs[cost] / unit for one in ranked], [_percent(one) for one in ranked],
        "o-", color=plots.ANSWER, markersize=6, label="the front: no trial is better at that cost",
    )  # fmt: skip
    if cost in compared:
        for _, row in compared.iterrows():
            place = (row[cost] / unit, 100 * row["accuracy"])
            axes.plot(*place, "s", color=plots.WRONG, markersize=7)
            axes.annotate(
                row["name"], place, (0, 8), textcoords="offset points", color=plots.WRONG,
                fontsize=9, fontweight="bold", ha="center",
            )  # fmt: skip
    axes.set_xlabel(label)
    axes.set_ylabel(ACCURACY)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(alpha=0.3, which="both")
    axes.legend(frameon=False, loc="lower right")
    axes.set_title(f"Accuracy against cost, {len(whole)} whole trials of one seed each", loc="left")
    return figure
