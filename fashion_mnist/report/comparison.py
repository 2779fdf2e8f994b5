"""What happened to each model between two results."""

from math import isfinite
from typing import Any

import pandas as pd

from fashion_mnist.report import dvc_lock, judgement
from fashion_mnist.report.judgement import BETTER, METRICS, NO_BASELINE, REMOVED, SAME, WORSE
from fashion_mnist.report.results import Results

Models = dict[str, dict[str, Any]]
AFTER_TRAINING = ("models/", "plots/", "metrics/", "data/models.json")


def compare(base: Results, now: Results) -> tuple[Models, list[str]]:
    """Judge each model of either side.

    Returns:
        For each model its metrics at `base` and `now`, a status and, where it was judged, what
        `judgement` returns; then notes for the reader.
    """
    models: Models = {}
    notes: list[str] = []
    changed = [name for name in now.models if _has_changed(name, base, now)]
    renamed = {_old_name(name, base, now) for name in now.models}
    removed = [name for name in base.models if name not in now.models and name not in renamed]
    for name in [*now.models, *removed]:
        models[name] = {
            "base": _metrics(base.models.get(name)),
            "now": _metrics(now.models.get(name)),
        }
        if name in changed and _are_numbers(models[name]):
            notes += _judge(models[name], name, base, now, len(changed))
        else:
            models[name]["status"] = _status_without_judgement(models[name], name, base, now)
            if models[name]["status"] == WORSE:
                notes.append(f"{name.upper()}: a metric is not a number.")
    if _only_the_seed_changed(base, now):
        notes += _excuse_by_the_seed(models, base)
    return models, notes


def _has_changed(name: str, base: Results, now: Results) -> bool:
    if name not in base.models or name not in now.models or not _has_same_classes(name, base, now):
        return False
    is_same = _are_same(base.predictions.get(name), now.predictions.get(name))
    return not is_same or base.models[name] != now.models[name]


def _has_same_classes(name: str, base: Results, now: Results) -> bool:
    before, after = (list(results.models[name].get("classes", [])) for results in (base, now))
    return before == after


def _are_same(one: pd.DataFrame | None, other: pd.DataFrame | None) -> bool:
    return one is not None and other is not None and one.equals(other)


def _metrics(model: dict[str, Any] | None) -> dict[str, float]:
    return {} if model is None else {name: model[name] for name in METRICS if name in model}


def _are_numbers(model: dict[str, Any]) -> bool:
    return all(isfinite(value) for side in ("base", "now") for value in model[side].values())


def _status_without_judgement(model: dict[str, Any], name: str, base: Results, now: Results) -> str:
    """Return the status of a model that is new, removed, unchanged or not measured in numbers."""
    if name not in now.models:
        return REMOVED
    if not all(isfinite(value) for value in model["now"].values()):
        return WORSE
    if name not in base.models:
        if old := _old_name(name, base, now):
            return f"renamed from {old}, the same predictions"
        return f"new: {NO_BASELINE}"
    if not _has_same_classes(name, base, now):
        return f"{NO_BASELINE}: the base has other classes"
    if not all(isfinite(value) for value in model["base"].values()):
        return f"{NO_BASELINE}: a metric of the base is not a number"
    return "unchanged: the same predictions"


def _old_name(name: str, base: Results, now: Results) -> str | None:
    """Return the name that a model had at the base; None where it is not a renamed one."""
    if name in base.models:
        return None
    same = (
        old
        for old, table in base.predictions.items()
        if old not in now.models and _are_same(table, now.predictions.get(name))
    )
    return next(same, None)


def _judge(
    model: dict[str, Any], name: str, base: Results, now: Results, models_changed: int
) -> list[str]:
    """Add the judgement of a changed model to its entry, and return notes."""
    notes = []
    margins = base.seed_margins(name)
    before, after = base.predictions.get(name), now.predictions.get(name)
    has_same_test_set = same_test_set(base, now)
    if has_same_test_set and are_paired(before, after):
        assert before is not None
        assert after is not None
        model |= judgement.judge_predictions(before, after, margins, models_changed)
    else:
        model |= judgement.judge_accuracies(base.models[name], now.models[name])
        if has_same_test_set:
            side = now.revision if after is None else base.revision
            notes.append(
                f"{name.upper()}: no predictions of the same images at {side}: "
                "no paired comparison, only a rough one."
            )
    model["status"] = judgement.status(model["metrics"]["accuracy"], model["classes"])
    if margins is None:
        notes.append(
            f"{name.upper()}: the spread between training seeds is unknown, so another "
            "seed alone might do the same; docs/report.md says how to measure it."
        )
    return notes


def same_test_set(base: Results, now: Results) -> bool:
    """Return whether both results are of the same test images."""
    before, after = (dvc_lock.output_hash(results.lock, "data/test") for results in (base, now))
    return before == after


def are_paired(one: pd.DataFrame | None, other: pd.DataFrame | None) -> bool:
    """Return whether both are predictions of the same images, as far as the classes tell."""
    return one is not None and other is not None and one["actual"].equals(other["actual"])


def _only_the_seed_changed(base: Results, now: Results) -> bool:
    """Return whether all that training and evaluation read is that of the base, but for the seed.

    What stages have made from the trained models differs, of course.
    """
    stages = dvc_lock.changed_stages(base.lock, now.lock)
    read = {path for inputs in stages.values() for path in inputs}
    return (
        base.packages == now.packages
        and all(path.startswith(AFTER_TRAINING) or path == "params.yaml" for path in read)
        and list(dvc_lock.changed_params(base.lock, now.lock)) == ["train.seed"]
    )


def _excuse_by_the_seed(models: Models, base: Results) -> list[str]:
    """Take "better" from what another seed explains, and return notes. Nothing excuses a loss."""
    notes = []
    for name, model in models.items():
        if "metrics" not in model or model["status"] == SAME:
            continue
        margins = base.seed_margins(name)
        is_like = judgement.is_like_another_seed(model["metrics"], model["classes"], margins)
        if not is_like:
            notes.append(
                f"{name.upper()}: only the training seed changed, but no seed explains so much."
            )
        elif model["status"] == BETTER:
            model["status"] = SAME
            notes.append(f"{name.upper()}: only the training seed changed: no progress.")
        else:
            notes.append(
                f"{name.upper()}: only the training seed changed; an unlucky one, perhaps."
            )
    return notes
