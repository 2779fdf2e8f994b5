"""The results of a revision: what is in Git about its models."""

import io
import json
from typing import Any, NamedTuple

import pandas as pd

from fashion_mnist.report import dvc_lock
from fashion_mnist.report.revisions import NoBaselineError, Revision

EVALUATION = "metrics/evaluate.json"
SEED_SPREAD = "metrics/seed_spread.json"
PREDICTION_COLUMNS = {"actual", "predicted", "probability", "actual_probability"}


class Results(NamedTuple):
    """What a revision has.

    revision: its name, for people; models: metrics/evaluate.json, by model; predictions: the
    predictions table of each model that has one; lock: dvc.lock; seed_spread:
    metrics/seed_spread.json, empty where the file is missing.
    """

    revision: str
    models: dict[str, dict[str, Any]]
    predictions: dict[str, pd.DataFrame]
    lock: dvc_lock.Lock
    seed_spread: dict[str, Any]

    def seed_margins(self, model: str) -> dict[str, Any] | None:
        """Return by how much two seeds of a model differ in 95 % of cases; None where unknown."""
        return self.seed_spread.get(model, {}).get("two_runs_differ_by")


def read(revision: Revision) -> Results:
    """Read the results of a revision.

    Raises:
        NoBaselineError: the revision has no metrics/evaluate.json.
    """
    models = read_evaluation(revision)
    tables = {name: read_predictions(revision, name) for name in models}
    return Results(
        revision=str(revision),
        models=models,
        predictions={name: table for name, table in tables.items() if table is not None},
        lock=dvc_lock.read(revision),
        seed_spread=json.loads(revision.read(SEED_SPREAD) or b"{}"),
    )


def read_evaluation(revision: Revision) -> dict[str, dict[str, Any]]:
    """Return metrics/evaluate.json of a revision.

    Raises:
        NoBaselineError: the file is missing or is not JSON.
    """
    content = revision.read(EVALUATION)
    if content is None:
        raise NoBaselineError(f"{revision} has no {EVALUATION}; `dvc repro` makes it")
    try:
        evaluation = json.loads(content)
    except ValueError:
        raise NoBaselineError(f"{EVALUATION} of {revision} is not JSON") from None
    # Old revisions have the comparison of their two models in this file, too.
    evaluation.pop("cnn_against_mlp", None)
    return evaluation


def read_predictions(revision: Revision, model: str) -> pd.DataFrame | None:
    """Return the predictions table of a model; None where the file is missing or differs."""
    content = revision.read(f"plots/predictions_{model}.csv")
    if content is None:
        return None
    table = pd.read_csv(io.BytesIO(content))
    return table if set(table.columns) >= PREDICTION_COLUMNS else None
