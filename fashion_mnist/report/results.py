"""The results of a revision: what is in Git about its models."""

import json
from typing import Any, NamedTuple

import pandas as pd

from fashion_mnist import tables
from fashion_mnist.evaluation import metrics
from fashion_mnist.report import dvc_lock
from fashion_mnist.report.revisions import NoBaselineError, Revision

EVALUATION = "metrics/evaluate.json"
FOLDERS = {"r_cnn": "r/"}  # of models that another pipeline trains
OTHER_EVALUATIONS = [f"{of}metrics/evaluate_{model}.json" for model, of in FOLDERS.items()]
SEED_SPREAD = "metrics/seed_spread.json"


class Results(NamedTuple):
    """What a revision has.

    revision: its name, for people; models: metrics/evaluate.json, by model; predictions: the
    predictions table of each model that has one; lock: dvc.lock and r/dvc.lock; seed_spread:
    metrics/seed_spread.json, empty where the file is missing; packages: requirements.txt.
    """

    revision: str
    models: dict[str, dict[str, Any]]
    predictions: dict[str, pd.DataFrame]
    lock: dvc_lock.Lock
    seed_spread: dict[str, Any]
    packages: bytes | None = None

    def seed_margins(self, model: str) -> dict[str, Any] | None:
        """Return by how much two seeds of a model differ in 95 % of cases; None where unknown."""
        return self.seed_spread.get(model, {}).get("two_runs_differ_by")


def read(revision: Revision) -> Results:
    """Read the results of a revision.

    Raises:
        NoBaselineError: the revision has no metrics/evaluate.json, or a file is damaged.
    """
    models = read_evaluation(revision)
    for path in OTHER_EVALUATIONS:
        models |= _read_models(revision, path)
    found = {name: read_predictions(revision, name, models[name]) for name in models}
    return Results(
        revision=str(revision),
        models=models,
        predictions={name: table for name, table in found.items() if table is not None},
        lock=dvc_lock.read(revision),
        seed_spread=_read_json(revision, SEED_SPREAD),
        packages=revision.read("requirements.txt"),
    )


def read_evaluation(revision: Revision) -> dict[str, dict[str, Any]]:
    """Return metrics/evaluate.json of a revision.

    Raises:
        NoBaselineError: the file is missing or is not JSON.
    """
    evaluation = _read_models(revision, EVALUATION)
    if not evaluation:
        raise NoBaselineError(f"{revision} has no {EVALUATION}; `dvc repro` makes it")
    # Old revisions have the comparison of their two models in this file, too.
    evaluation.pop("cnn_against_mlp", None)
    return evaluation


def read_predictions(
    revision: Revision, model: str, evaluation: dict[str, Any]
) -> pd.DataFrame | None:
    """Return the predictions table of a model; None where the file is missing or differs.

    Args:
        revision: which has the file.
        model: its name.
        evaluation: its entry in metrics/evaluate.json, which has the names of the classes.
    """
    content = revision.read(predictions_path(model))
    if content is None:
        return None
    try:
        table = tables.parse(content)
        probabilities = table[["probability", "actual_probability"]].to_numpy(float)
        if not ((probabilities >= 0) & (probabilities <= 1)).all():
            return None
        return metrics.with_classes(table, list(evaluation.get("classes", {})))
    except (ValueError, TypeError, KeyError):  # KeyError: a column; TypeError: no names of classes
        return None


def predictions_path(model: str) -> str:
    """Return the file with the predictions of a model."""
    return f"{FOLDERS.get(model, '')}plots/predictions_{model}.csv"


def _read_models(revision: Revision, path: str) -> dict[str, dict[str, Any]]:
    """Return a JSON object of objects; an empty one where the file is missing.

    Raises:
        NoBaselineError: the file is damaged.
    """
    content = _read_json(revision, path)
    if not all(isinstance(model, dict) for model in content.values()):
        raise NoBaselineError(f"{path} of {revision} is not what a stage writes; restore it")
    return content


def _read_json(revision: Revision, path: str) -> dict[str, Any]:
    """Return a JSON object; an empty one where the file is missing.

    Raises:
        NoBaselineError: the file is damaged.
    """
    try:
        content = json.loads(revision.read(path) or b"{}")
    except ValueError:
        raise NoBaselineError(f"{path} of {revision} is not JSON; restore it") from None
    if not isinstance(content, dict):
        raise NoBaselineError(f"{path} of {revision} is not what a stage writes; restore it")
    return content
