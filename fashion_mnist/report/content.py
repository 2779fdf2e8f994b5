"""The report's content, as plain data."""

from typing import Any

from fashion_mnist.report import comparison, dvc_lock
from fashion_mnist.report.judgement import BETTER, MIXED, NO_BASELINE, SAME, WORSE
from fashion_mnist.report.results import Results


def build(base: Results, now: Results, stale_files: list[str]) -> dict[str, Any]:
    """Return the whole report.

    Args:
        base, now: the results to compare.
        stale_files: what has changed since the results of `now` were made.
    """
    models, notes = comparison.compare(base, now)
    return {
        "verdict": verdict([model["status"] for model in models.values()]),
        "base": base.revision,
        "now": now.revision,
        "seeds": base.seed_spread.get("seeds"),
        "notes": [
            *_note_stale_files(stale_files),
            *_note_test_set(base, now),
            *_note_other_recipe(base, now),
            *notes,
        ],
        "models": models,
        "params": [
            {"key": key, "base": before, "now": after}
            for key, (before, after) in dvc_lock.changed_params(base.lock, now.lock).items()
        ],
        "stages": dvc_lock.changed_stages(base.lock, now.lock),
    }


def without_baseline(reason: str) -> dict[str, Any]:
    """Return the report that says why there is nothing to compare with."""
    return {"verdict": NO_BASELINE, "reason": reason}


def verdict(statuses: list[str]) -> str:
    """Sum up the statuses of all models."""
    found = {status for status in statuses if status in (BETTER, WORSE, MIXED)}
    if len(found) == 1:
        return found.pop()
    if found:
        return MIXED
    return NO_BASELINE if any(NO_BASELINE in status for status in statuses) else SAME


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


def _note_stale_files(stale_files: list[str]) -> list[str]:
    if not stale_files:
        return []
    return [
        f"These results are stale: {', '.join(stale_files)} changed since `dvc repro` "
        "last ran. Run it and report again."
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
