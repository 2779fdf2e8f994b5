"""What a change did to the models: `python -m fashion_mnist.report --base origin/main`.

Compares the working tree, or the revision --now, with the merge base of --base, from what is in
Git alone: metrics/evaluate.json, plots/predictions_*.csv, dvc.lock. Prints Markdown, or JSON.
"""

import argparse
import io
import json
import subprocess
import sys
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fashion_mnist import comparison, dvc_lock, figures
from fashion_mnist.comparison import BETTER, METRICS, MIXED, NO_BASELINE, SAME, WORSE
from fashion_mnist.report_text import markdown
from fashion_mnist.revisions import NoBaselineError, Revision, find, find_base

EVALUATION = "metrics/evaluate.json"
GATE_EXIT_STATUS = 3
PREDICTION_COLUMNS = ["actual", "predicted", "probability", "actual_probability"]


def build(base: Revision, now: Revision) -> dict[str, Any]:
    """Return the whole report as plain data.

    Raises:
        NoBaselineError: one of the two has no results.
    """
    evaluations = [_evaluation(revision) for revision in (base, now)]
    base_models, now_models = ({k: v for k, v in e.items() if "classes" in v} for e in evaluations)
    locks = [dvc_lock.read(revision) for revision in (base, now)]
    # The base's: a change must not widen the margin that it is judged by.
    spread = json.loads(base.read("metrics/seed_spread.json") or b"null")
    notes = []
    if stale := dvc_lock.stale_files(now, locks[1], EVALUATION):
        notes.append(
            f"These results are stale: {', '.join(stale)} changed since `dvc repro` "
            "last ran. Run it and report again."
        )
    params = [
        {"key": key, "base": before, "now": after}
        for key, (before, after) in dvc_lock.changed_params(*locks).items()
    ]
    stages = dvc_lock.changed_stages(*locks)
    same_images = dvc_lock.output(locks[0], "data/test") == dvc_lock.output(locks[1], "data/test")
    if not same_images:
        notes.append("The test set changed: no paired comparison, only a rough one.")
    recipes = [dvc_lock.recipe(lock, base_models) for lock in locks]
    if spread and "recipe" in spread and spread["recipe"] not in recipes:
        other = dvc_lock.changed_keys(spread["recipe"], recipes[1])
        notes.append(
            "The spread between training seeds was measured with another recipe: "
            f"{', '.join(other)} differ; docs/report.md says how to measure it again."
        )

    tables = {
        name: (_predictions(base, name), _predictions(now, name))
        for name in base_models.keys() | now_models.keys()
    }
    margins = {name: (spread or {}).get(name, {}).get("two_runs_differ_by") for name in now_models}
    models = {}
    changed = [
        name
        for name in now_models.keys() & base_models.keys()
        if not _same(*tables[name]) or base_models[name] != now_models[name]
    ]
    for name in [*now_models, *(base_models.keys() - now_models.keys())]:
        before, after = base_models.get(name), now_models.get(name)
        model = models[name] = {"base": _figures(before), "now": _figures(after)}
        if before is None:
            model["status"] = f"new: {NO_BASELINE}"
            twins = base_models.keys() - now_models.keys()
            if twin := next((t for t in twins if _same(tables[t][0], tables[name][1])), None):
                model["status"] = f"renamed from {twin}, the same predictions"
        elif after is None:
            model["status"] = "removed"
        elif not all(isfinite(value) for value in model["now"].values()):
            model["status"] = WORSE
            notes.append(f"{name.upper()}: a metric is not a number.")
        elif not all(isfinite(value) for value in model["base"].values()):
            model["status"] = f"{NO_BASELINE}: a metric of the base is not a number"
        elif name not in changed:
            model["status"] = "unchanged: the same predictions"
        else:
            paired = same_images and _paired(*tables[name])
            if paired:
                model |= comparison.compare(*tables[name], margins[name], len(changed))
            else:
                model |= comparison.compare_unpaired(before, after)
                if same_images:
                    notes.append(
                        f"{name.upper()}: no predictions of the same images at {base}: "
                        "no paired comparison, only a rough one."
                    )
            model["status"] = comparison.status(model["metrics"]["accuracy"], model["classes"])
            if margins[name] is None:
                notes.append(
                    f"{name.upper()}: the spread between training seeds is unknown, so another "
                    "seed alone might do the same; docs/report.md says how to measure it."
                )
    code_changed = any(path.endswith(".py") for inputs in stages.values() for path in inputs)
    if not code_changed and [param["key"] for param in params] == ["train.seed"]:
        for name, model in models.items():
            if "metrics" not in model:
                continue
            if comparison.is_like_another_seed(model["metrics"], model["classes"], margins[name]):
                model["status"] = SAME
                notes.append(f"{name.upper()}: only the training seed changed: no progress.")
            elif model["status"] != SAME:
                notes.append(
                    f"{name.upper()}: only the training seed changed, but no seed explains so much."
                )
    return {
        "verdict": _overall([model["status"] for model in models.values()]),
        "base": str(base),
        "now": str(now),
        "seeds": spread["seeds"] if spread else None,
        "notes": notes,
        "models": models,
        "params": params,
        "stages": stages,
    }


def without_baseline(reason: str) -> dict[str, Any]:
    """Return the report that there is nothing to compare with, and why."""
    return {"verdict": NO_BASELINE, "reason": reason}


def _evaluation(revision: Revision) -> dict[str, Any]:
    content = revision.read(EVALUATION)
    if content is None:
        raise NoBaselineError(f"{revision} has no {EVALUATION}; `dvc repro` makes it")
    try:
        return json.loads(content)
    except ValueError:
        raise NoBaselineError(f"{EVALUATION} of {revision} is not JSON") from None


def _predictions(revision: Revision, name: str) -> pd.DataFrame | None:
    content = revision.read(f"plots/predictions_{name}.csv")
    if content is None:
        return None
    table = pd.read_csv(io.BytesIO(content))
    return table if set(PREDICTION_COLUMNS) <= set(table.columns) else None


def _same(one: pd.DataFrame | None, other: pd.DataFrame | None) -> bool:
    return one is not None and other is not None and one.equals(other)


def _paired(one: pd.DataFrame | None, other: pd.DataFrame | None) -> bool:
    return one is not None and other is not None and one["actual"].equals(other["actual"])


def _figures(model: dict | None) -> dict[str, float]:
    return {} if model is None else {name: model[name] for name in METRICS if name in model}


def _overall(statuses: list[str]) -> str:
    found = {status for status in statuses if status in (BETTER, WORSE, MIXED)}
    if not found:
        return NO_BASELINE if any(NO_BASELINE in status for status in statuses) else SAME
    return found.pop() if len(found) == 1 else MIXED


def draw_new_mistakes(path: Path, base: Revision, now: Revision, name: str) -> None:
    """Draw the most confident mistakes that are new; nothing where the test images are missing."""
    images_path = Path("data/test/images.npy")
    before, after = _predictions(base, name), _predictions(now, name)
    if not images_path.exists() or not _paired(before, after):
        return
    wrong = after["actual"] != after["predicted"]
    new = after[wrong & (before["actual"] == before["predicted"])]
    worst = new.sort_values("probability", ascending=False, kind="stable").index[:20]
    class_names = list(figures.CLASS_NAMES)
    probabilities = np.zeros((len(worst), len(class_names)))
    answers = after.loc[worst, "predicted"].map(class_names.index)
    probabilities[np.arange(len(worst)), answers] = after.loc[worst, "probability"]
    labels = after.loc[worst, "actual"].map(class_names.index).to_numpy()
    figures.predictions(
        path,
        np.load(images_path, mmap_mode="r")[worst],
        labels,
        probabilities,
        f"{name.upper()}: new mistakes, the most confident first; below each the true class",
    )


def write(folder: Path, report: dict[str, Any]) -> None:
    """Write report.md and report.json; remove what an earlier report had drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    for picture in folder.glob("new_mistakes_*.png"):
        picture.unlink()
    # Not the folder: with `--output .` it is the one that holds the results.
    (folder / "plots" / "index.html").unlink(missing_ok=True)
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    (folder / "report.md").write_text(markdown(report))


def draw(folder: Path, report: dict[str, Any], base: Revision, now: Revision) -> None:
    """Write the pictures of new mistakes and DVC's page of plots."""
    for name, model in report["models"].items():
        if model.get("classes"):
            draw_new_mistakes(folder / f"new_mistakes_{name}.png", base, now, name)
    revisions = [revision.commit for revision in (base, now) if revision.commit]
    subprocess.run(
        [sys.executable, "-m", "dvc", "plots", "diff", *revisions, "--out", folder / "plots"],
        stdout=subprocess.DEVNULL,
        check=False,
    )


def main() -> None:
    """Parse the command line, print the report, and end with the gate's exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", default="origin/main", help="compare with the merge base of this")
    parser.add_argument("--exact", action="store_true", help="compare with --base itself")
    parser.add_argument("--now", help="a revision; default: the working tree")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--output", type=Path, help="also write report, pictures and page there")
    parser.add_argument(
        "--fail-on",
        action="append",
        default=[],
        choices=[WORSE, MIXED, NO_BASELINE.replace(" ", "-")],
        help=f"end with exit status {GATE_EXIT_STATUS} on this verdict; may be given several times",
    )
    parser.add_argument(
        "--threshold",
        type=float,
        default=0.0,
        metavar="POINTS",
        help="the gate lets pass a loss of accuracy of less than so many percentage points, unless "
        "a class lost measurably",
    )
    arguments = parser.parse_args()
    now = Revision()
    try:
        if arguments.now:
            now = find(arguments.now)
        base = find(arguments.base) if arguments.exact else find_base(arguments.base, arguments.now)
        report = build(base, now)
    except NoBaselineError as error:
        report = without_baseline(str(error))
    if arguments.output:
        write(arguments.output, report)
        if "models" in report:
            draw(arguments.output, report, base, now)
    print(json.dumps(report, indent=2) if arguments.json else markdown(report), end="")
    if report["verdict"].replace(" ", "-") in arguments.fail_on and not _tolerated(
        report, arguments.threshold
    ):
        sys.exit(GATE_EXIT_STATUS)


def _tolerated(report: dict[str, Any], points: float) -> bool:
    """Whether accuracies fell by less than the threshold, and nothing else is amiss."""
    amiss = [m for m in report.get("models", {}).values() if m["status"] in (WORSE, MIXED)]
    return bool(amiss) and all(
        "metrics" in model
        and 100 * model["metrics"]["accuracy"]["change"] > -points
        and all(scores["verdict"] != WORSE for scores in model["classes"].values())
        for model in amiss
    )


if __name__ == "__main__":
    main()
