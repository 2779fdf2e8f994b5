"""How much the test metrics move when only the training seed changes.

`python -m fashion_mnist.seed_spread REVISION ...` reads metrics/evaluate.json of runs that differ
in `train.seed` alone (experiments, branches) and writes metrics/seed_spread.json.
"""

import json
import sys
from pathlib import Path

import numpy as np

from fashion_mnist.files import write_json
from fashion_mnist.revisions import NoBaselineError, find

PATH = Path("metrics/seed_spread.json")
METRICS = ("accuracy", "loss", "macro_f1", "expected_calibration_error")


def measure(evaluations: list[dict]) -> dict:
    """Return mean and standard deviation of each metric over runs of different seeds.

    Args:
        evaluations: metrics/evaluate.json of each run.
    """
    spread = {"seeds": len(evaluations)}
    for name, model in evaluations[0].items():
        if "classes" not in model:
            continue
        runs = [evaluation[name] for evaluation in evaluations]
        spread[name] = {
            "mean": {metric: np.mean([run[metric] for run in runs]) for metric in METRICS},
            "sd": {metric: np.std([run[metric] for run in runs], ddof=1) for metric in METRICS},
        }
        spread[name]["sd"]["classes"] = {
            label: np.std([run["classes"][label]["recall"] for run in runs], ddof=1)
            for label in model["classes"]
        }
    return spread


def main(revisions: list[str]) -> None:
    """Measure over `revisions` and write the file."""
    if len(revisions) < 3:
        sys.exit("error: name at least three revisions that differ in train.seed alone")
    evaluations = []
    for name in revisions:
        try:
            content = find(name).read("metrics/evaluate.json")
        except NoBaselineError as error:
            sys.exit(f"error: {error}")
        if content is None:
            sys.exit(f"error: {name} has no metrics/evaluate.json")
        evaluations.append(json.loads(content))
    write_json(PATH, measure(evaluations))
    print(f"{PATH}: spread over {len(revisions)} seeds")


if __name__ == "__main__":
    main(sys.argv[1:])
