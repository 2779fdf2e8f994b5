"""How much the test metrics move when only the training seed changes.

`python -m fashion_mnist.seed_spread REVISION ...` reads the results of runs that differ in
`train.seed` alone (experiments, branches), and their recipe, and writes metrics/seed_spread.json.
"""

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from fashion_mnist import dvc_lock
from fashion_mnist.comparison import METRICS
from fashion_mnist.files import write_json
from fashion_mnist.revisions import NoBaselineError, Revision, find

PATH = Path("metrics/seed_spread.json")


def measure(evaluations: list[dict], right: dict[str, np.ndarray]) -> dict:
    """Return mean and standard deviation of each metric over runs of different seeds.

    Args:
        evaluations: metrics/evaluate.json of each run.
        right: for each model, bool (runs, images), whether each image is predicted right.

    Returns:
        seeds: the number of runs; and for each model mean and sd of each metric,
        two_runs_differ_by, the 95 % bound on the difference of two further runs (Student's t), of
        the recall of each class, too; and images_right_in, how many images 0, 1, ... all runs get
        right.
    """
    between_two = np.sqrt(2) * stats.t.ppf(0.975, len(evaluations) - 1)
    spread = {"seeds": len(evaluations)}
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
            "two_runs_differ_by": {metric: between_two * value for metric, value in sd.items()}
            | {"classes": {label: between_two * value for label, value in recall_sd.items()}},
            "images_right_in": np.bincount(
                right[name].sum(axis=0), minlength=len(evaluations) + 1
            ).tolist(),
        }
    return spread


def main(revisions: list[str]) -> None:
    """Measure over `revisions` and write the file."""
    if len(revisions) < 3:
        sys.exit("error: name at least three revisions that differ in train.seed alone")
    try:
        runs = [find(name) for name in revisions]
        evaluations = [json.loads(_read(run, "metrics/evaluate.json")) for run in runs]
        models = [name for name, model in evaluations[0].items() if "classes" in model]
        recipe = _common_recipe(runs, models)
        right = {name: np.stack([_right(run, name) for run in runs]) for name in models}
    except NoBaselineError as error:
        sys.exit(f"error: {error}")
    write_json(PATH, {"recipe": recipe, **measure(evaluations, right)})
    print(f"{PATH}: spread over {len(revisions)} seeds")


def _common_recipe(runs: list[Revision], models: list[str]) -> dict[str, Any]:
    locks = [dvc_lock.read(run) for run in runs]
    recipe = dvc_lock.recipe(locks[0], models)
    seeds = {}
    for run, lock in zip(runs, locks, strict=True):
        inputs = set().union(*dvc_lock.changed_stages(locks[0], lock).values())
        code = sorted(path for path in inputs if path.endswith(".py"))
        if other := dvc_lock.changed_keys(recipe, dvc_lock.recipe(lock, models)) + code:
            sys.exit(
                f"error: {run} differs from {runs[0]} in {', '.join(other)}, expected train.seed "
                "alone; leave it out"
            )
        seed = dvc_lock.training(lock, models).get("train.seed")
        if seed in seeds:
            sys.exit(f"error: {run} has train.seed {seed} as {seeds[seed]} has; leave one out")
        seeds[seed] = run
    return recipe


def _read(revision: Revision, path: str) -> bytes:
    content = revision.read(path)
    if content is None:
        raise NoBaselineError(f"{revision} has no {path}")
    return content


def _right(revision: Revision, model: str) -> np.ndarray:
    table = pd.read_csv(io.BytesIO(_read(revision, f"plots/predictions_{model}.csv")))
    return (table["actual"] == table["predicted"]).to_numpy()


if __name__ == "__main__":
    main(sys.argv[1:])
