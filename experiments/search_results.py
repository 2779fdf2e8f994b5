"""The results of a search as files: its trials, the best settings and the plots."""

import json
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from experiments import rows, search_plots, trial
from experiments.space import Space
from experiments.study import RESULTS, TRIALS
from experiments.training import Training
from fashion_mnist import files, tables

COMPARED = "compared.csv"
STATES = {
    TrialState.COMPLETE: "whole",
    TrialState.PRUNED: "stopped",
    TrialState.FAIL: "interrupted",
    TrialState.WAITING: "queued",  # again, after an interruption
}


def write(
    space: Space,
    study: optuna.Study,
    compared: dict[str, Training],
    results: list[dict[str, Any]],
) -> Path:
    """Write the files of a search into its folder, and return the folder.

    Args:
        space: what was searched.
        study: its trials.
        compared: the trainings that the trials are compared with, by name.
        results: theirs.
    """
    folder = RESULTS / space.name
    for old in folder.glob("best-*.args"):
        old.unlink()  # there may be fewer now
    tables.write(folder / TRIALS, _trials(space, study))
    references = _compared(compared, results)
    tables.write(folder / COMPARED, references)
    for rank, best in enumerate(ranking(study), start=1):
        training = space.suggest(FixedTrial(best.params))
        files.write_bytes(
            folder / f"best-{rank}.args", rows.lines(training.train, training.recipe).encode()
        )
    search_plots.draw(study, space.goal.cost, references, folder)
    return folder


def ranking(study: optuna.Study) -> list[FrozenTrial]:
    """Return the best trials, the most accurate first: all on the front, or up to ten.

    Of several trials with the same settings, the first one counts.
    """
    is_front = len(study.directions) > 1
    best = (
        study.best_trials
        if is_front
        else study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    )
    different = {json.dumps(one.params): one for one in reversed(best)}.values()
    ranked = sorted(different, key=lambda one: (-trial.accuracy(one), one.number))
    return ranked if is_front else ranked[:10]


def _trials(space: Space, study: optuna.Study) -> pd.DataFrame:
    ranks = {one.number: rank for rank, one in enumerate(ranking(study), start=1)}
    return (
        pd.DataFrame(
            [
                {
                    "trial": one.number,
                    "state": "impossible"
                    if one.user_attrs.get(trial.UNTRAINED)
                    else STATES.get(one.state, "running"),
                    "rank": ranks.get(one.number),
                    "accuracy": (one.user_attrs.get(trial.ACCURACIES) or [None])[-1],
                    "epochs_done": len(one.user_attrs.get(trial.ACCURACIES, [])),
                    **{
                        name: one.user_attrs.get(name)
                        for name in (trial.MULTIPLY_ADDS, trial.PARAMETERS, trial.SECONDS)
                    },
                    "why": one.user_attrs.get(trial.WHY, ""),
                    **{key: one.params.get(key) for key in space.keys},
                }
                for one in study.get_trials(deepcopy=False)
            ]
        )
        .astype({"rank": "Int64", trial.MULTIPLY_ADDS: "Int64", trial.PARAMETERS: "Int64"})
        .round({"accuracy": 5, trial.SECONDS: 1})
    )


def _compared(compared: dict[str, Training], results: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"name": name, "accuracy": result["accuracy"][-1], **trial.size(training)}
            for (name, training), result in zip(compared.items(), results, strict=True)
        ]
    )
