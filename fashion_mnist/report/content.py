"""The report's content, as plain data."""

from collections.abc import Mapping, Sequence
from typing import Any

from fashion_mnist.report import comparison, dvc_lock, trust
from fashion_mnist.report.judgement import (
    BETTER,
    MIXED,
    NO_BASELINE,
    NOT_TRUSTWORTHY,
    REMOVED,
    SAME,
    STALE,
    WORSE,
)
from fashion_mnist.report.results import Results


def build(
    base: Results,
    now: Results,
    stale_files: list[str],
    doubts: Sequence[str] = (),
    stale_elsewhere: Mapping[str, list[str]] = {},
) -> dict[str, Any]:
    """Return the whole report.

    Args:
        base, now: the results to compare.
        stale_files: what has changed since the results of `now` were made.
        doubts: why the results of `now` are not believed.
        stale_elsewhere: what has changed since the results of another pipeline, by their file.
    """
    base, spread_notes = _with_supported_spread(base, now)
    models, notes = comparison.compare(base, now)
    statuses = [model["status"] for model in models.values()]
    found = findings(statuses, bool(stale_files), bool(doubts))
    return {
        "verdict": found[0],
        "findings": found,
        "doubts": [*doubts],
        "base": base.revision,
        "now": now.revision,
        "seeds": base.seed_spread.get("seeds"),
        "notes": [
            *_note_stale_files(stale_files),
            *_note_stale_elsewhere(stale_elsewhere),
            *_note_test_set(base, now),
            *_note_other_recipe(base, now),
            *spread_notes,
            *notes,
        ],
        "models": models,
        "params": [
            {"key": key, "base": before, "now": after}
            for key, (before, after) in dvc_lock.changed_params(base.lock, now.lock).items()
        ],
        "stages": dvc_lock.changed_stages(base.lock, now.lock),
        "other_outputs": dvc_lock.with_other_outputs(base.lock, now.lock),
    }


def without_baseline(reason: str) -> dict[str, Any]:
    """Return the report that says why there is nothing to compare with."""
    return {"verdict": NO_BASELINE, "findings": [NO_BASELINE], "reason": reason}


def without_results(reason: str) -> dict[str, Any]:
    """Return the report on what has no results that can be read."""
    return {"verdict": NOT_TRUSTWORTHY, "findings": [NOT_TRUSTWORTHY], "reason": reason}


def findings(statuses: list[str], is_stale: bool, is_doubted: bool) -> list[str]:
    """Return all that a gate may ask for, the verdict of the whole report first.

    Args:
        statuses: of all models.
        is_stale, is_doubted: whether the results are.
    """
    of_models = verdict(statuses)
    found = [NOT_TRUSTWORTHY] * is_doubted + [STALE] * is_stale + [of_models]
    if of_models == MIXED:
        found.append(WORSE)  # of one model, or of a class
    return list(dict.fromkeys(found + [REMOVED] * (REMOVED in statuses)))


def verdict(statuses: list[str]) -> str:
    """Sum up the statuses of all models."""
    found = {status for status in statuses if status in (BETTER, WORSE, MIXED)}
    if len(found) == 1:
        return found.pop()
    if found:
        return MIXED
    if any(NO_BASELINE in status for status in statuses):
        return NO_BASELINE
    return REMOVED if REMOVED in statuses else SAME


def is_tolerated(report: dict[str, Any], points: float) -> bool:
    """Return whether all losses are losses of accuracy below a threshold, and of no class.

    Args:
        report: as `build` returns it.
        points: the threshold, in percentage points of accuracy.
    """
    lost = [m for m in report.get("models", {}).values() if m["status"] in (WORSE, MIXED)]
    return bool(lost) and all(
        "metrics" in model
        and 100 * model["metrics"]["accuracy"]["change"] > -points
        and all(scores["verdict"] != WORSE for scores in model["classes"].values())
        for model in lost
    )


def _with_supported_spread(base: Results, now: Results) -> tuple[Results, list[str]]:
    """Return the base without margins that its own numbers contradict, and notes on the spread."""
    notes = []
    if base.seed_spread != now.seed_spread:
        notes.append(
            "metrics/seed_spread.json differs from the base's; this report is judged by the base's."
        )
    if refused := trust.unsupported_margins(base.seed_spread):
        notes.append(
            f"metrics/seed_spread.json of the base: the margins of {', '.join(refused)} do not "
            "follow from its other numbers, so they are not used."
        )
        spread = {key: value for key, value in base.seed_spread.items() if key not in refused}
        base = base._replace(seed_spread=spread)
    return base, notes


def _note_stale_files(stale_files: list[str]) -> list[str]:
    if not stale_files:
        return []
    return [
        f"These results are stale: {', '.join(stale_files)} changed since `dvc repro` "
        "last ran. Run it and report again."
    ]


def _note_stale_elsewhere(stale_elsewhere: Mapping[str, list[str]]) -> list[str]:
    """Not everybody has what those pipelines need, so this is no verdict."""
    return [
        f"{path} is older than {', '.join(stale)}: its models learned from something else."
        for path, stale in stale_elsewhere.items()
        if stale
    ]


def _note_test_set(base: Results, now: Results) -> list[str]:
    if comparison.same_test_set(base, now):
        return []
    return ["The test set changed: no paired comparison, only a rough one."]


def _note_other_recipe(base: Results, now: Results) -> list[str]:
    measured = base.seed_spread.get("recipe")
    recipes = [dvc_lock.recipe(results.lock, base.models) for results in (base, now)]
    if measured is None or measured in recipes:
        return []
    other = dvc_lock.changed_keys(measured, recipes[1])
    return [
        "The spread between training seeds was measured with another recipe: "
        f"{', '.join(other)} differ; docs/report.md says how to measure it again."
    ]
