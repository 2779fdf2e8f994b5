"""Measure how much test metrics differ between training seeds.

`python -m fashion_mnist.seed_spread REVISION ...` reads the results and the recipe of runs that
differ only in `train.seed` (experiments, branches), and writes metrics/seed_spread.json.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from fashion_mnist import command, files
from fashion_mnist.errors import InputError
from fashion_mnist.evaluation import metrics
from fashion_mnist.report import dvc_lock, results
from fashion_mnist.report.judgement import METRICS
from fashion_mnist.report.revisions import Revision, find

CHOSEN = "search-"  # begins the names of experiments that `experiments.rerun` makes
PATH = Path(results.SEED_SPREAD)


def main(revisions: list[str]) -> None:
    if len(revisions) < 3:
        raise InputError(
            f"{len(revisions)} revisions given, expected at least three that differ only in "
            "train.seed"
        )
    runs = [find(name) for name in revisions]
    for name, run in zip(revisions, runs, strict=True):
        if any(experiment.startswith(CHOSEN) for experiment in run.experiments()):
            raise InputError(f"{name}: a run of a search, whose best were chosen; leave it out")
    evaluations = [results.read_evaluation(run) for run in runs]
    models = list(evaluations[0])
    recipe = _common_recipe(runs, models)
    right = {
        name: np.stack(
            [
                _right_answers(run, name, evaluation[name])
                for run, evaluation in zip(runs, evaluations, strict=True)
            ]
        )
        for name in models
    }
    files.write_json(PATH, {"recipe": recipe, **measure(evaluations, right)})
    print(f"{PATH}: spread over {len(revisions)} seeds")


def measure(evaluations: list[dict], right: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return mean and standard deviation of each metric over runs with different seeds.

    Args:
        evaluations: metrics/evaluate.json of each run.
        right: for each model, bool (runs, images), whether each prediction is right.

    Returns:
        seeds: the number of runs. For each model: mean and sd of each metric; two_runs_differ_by,
        the 95 % bound on the difference of two further runs (Student's t) in each metric and each
        class's recall; images_right_in, the numbers of images that 0, 1, ... all runs get right.
    """
    between_two = np.sqrt(2) * stats.t.ppf(0.975, len(evaluations) - 1)
    spread: dict[str, Any] = {"seeds": len(evaluations)}
    for name in right:
        runs = [evaluation[name] for evaluation in evaluations]
        sd = {metric: np.std([run[metric] for run in runs], ddof=1) for metric in METRICS}
        recall_sd = {
            label: np.std([run["classes"][label]["recall"] for run in runs], ddof=1)
            for label in runs[0]["classes"]
        }
        spread[name] = {
            "mean": {metric: np.mean([run[metric] for run in runs]) for metric in METRICS},
            "sd": sd,
            "two_runs_differ_by": {
                **{metric: between_two * value for metric, value in sd.items()},
                "classes": {label: between_two * value for label, value in recall_sd.items()},
            },
            "images_right_in": np.bincount(
                right[name].sum(axis=0), minlength=len(evaluations) + 1
            ).tolist(),
        }
    return spread


def _common_recipe(runs: list[Revision], models: list[str]) -> dict[str, Any]:
    """Return the recipe that all runs share.

    Raises:
        InputError: a run differs from the first one in more than the seed, or repeats a seed.
    """
    locks = [dvc_lock.read(run) for run in runs]
    recipe = dvc_lock.recipe(locks[0], models)
    seeds: dict[Any, Revision] = {}
    for run, lock in zip(runs, locks, strict=True):
        inputs = set().union(*dvc_lock.changed_stages(locks[0], lock).values())
        code = sorted(path for path in inputs if path.endswith(".py"))
        if other := dvc_lock.changed_keys(recipe, dvc_lock.recipe(lock, models)) + code:
            raise InputError(
                f"{run} differs from {runs[0]} in {', '.join(other)}, expected train.seed "
                "alone; leave it out"
            )
        seed = dvc_lock.training_inputs(lock, models).get("train.seed")
        if seed in seeds:
            raise InputError(f"{run} has train.seed {seed} as {seeds[seed]} has; leave one out")
        seeds[seed] = run
    return recipe


def _right_answers(run: Revision, model: str, evaluation: dict[str, Any]) -> np.ndarray:
    table = results.read_predictions(run, model, evaluation)
    if table is None:
        raise InputError(f"{run} has no plots/predictions_{model}.csv; leave it out")
    return metrics.is_right(table)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("revisions", nargs="+", metavar="REVISION")
    return parser


if __name__ == "__main__":
    command.run(main, parser())
