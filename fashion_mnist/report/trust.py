"""Whether results follow from what they are said to be made of.

A result is believed if dvc.lock has its hash, if its metrics are those of its predictions, and if
these are about the test images. Whoever forges all of it together is not found out here: only
`dvc repro` can do that.
"""

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from fashion_mnist.dataset import splits
from fashion_mnist.errors import InputError
from fashion_mnist.evaluation import metrics
from fashion_mnist.report import dvc_lock
from fashion_mnist.report.results import Results, predictions_path
from fashion_mnist.report.revisions import Revision

# Where stages write what is not in DVC's cache.
IN_GIT = ("metrics/", "plots/", "r/metrics/", "r/plots/")
ROUNDED = 1e-5  # metrics files have six digits
# Predictions files have four digits of a probability, the metrics may be those of all digits.
FROM_PROBABILITIES = ("loss", "expected_calibration_error")
TEST = "data/test"
# No model keeps its bytes where one of these changes.
TRAIN, DECISIVE = "data/train", (".seed", ".epochs")


def doubts(now: Results, revision: Revision, base: Results | None = None) -> list[str]:
    """Return why results are not believed, a sentence each; none means that they are.

    Args:
        now: the results.
        revision: which has them.
        base: other results; of the same test images, they have the same true classes.
    """
    return [
        *_other_files(now, revision),
        *_other_metrics(now, revision),
        *_other_images(now, revision),
        *(_other_than(base, now) if base else []),
        *(_not_trained_again(base, now) if base else []),
    ]


def _other_files(now: Results, revision: Revision) -> Iterator[str]:
    """Compare the files in Git with the hashes that DVC noted when a stage had made them."""
    if not now.lock["stages"]:
        yield "dvc.lock is missing or empty: nothing says what the results are made of"
    for stage, path, md5 in dvc_lock.outputs(now.lock):
        if not path.startswith(IN_GIT):
            continue
        content = revision.read(path)
        if content is None:
            yield f"{path} is missing; `{stage}` had made it"
        elif hashlib.md5(content).hexdigest() != md5:
            yield f"{path} is not what `{stage}` made: dvc.lock has another hash"


def _other_metrics(now: Results, revision: Revision) -> Iterator[str]:
    """Compute all metrics again from the predictions."""
    for name, model in now.models.items():
        table = now.predictions.get(name)
        if table is None:
            if revision.read(path := predictions_path(name)) is not None:
                yield f"{path} is not a table of predictions"
            continue
        computed = _flat({**metrics.summarize(table), "classes": metrics.by_class(table)})
        found = _flat(model)
        for key, value in computed.items():
            # An image may fall into another bin of the calibration error.
            tolerance = 1e-4 + 2 / len(table) if key in FROM_PROBABILITIES else 1e-6
            if key in found and not math.isclose(
                found[key], value, rel_tol=ROUNDED, abs_tol=tolerance
            ):
                yield (
                    f"{name.upper()}: {key} is {found[key]:.6g} in the metrics, "
                    f"but {value:.6g} by the predictions"
                )
                break


def _flat(model: dict[str, Any], prefix: str = "") -> dict[str, float]:
    flat: dict[str, float] = {}
    for key, value in model.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        elif isinstance(value, int | float):
            flat[f"{prefix}{key}"] = value
    return flat


def _other_images(now: Results, revision: Revision) -> Iterator[str]:
    """Compare the true classes with those of data/test, where that is the one of the results."""
    # After a checkout without `dvc checkout`, data/test may be that of other results.
    if revision.commit or _folder_hash(Path(TEST)) != dvc_lock.output_hash(now.lock, TEST):
        return
    try:
        test = splits.load(Path(TEST))
    except InputError:  # not made here
        return
    expected = np.array(test.spec.classes)[test.labels]
    for name, table in now.predictions.items():
        if not np.array_equal(table["actual"].to_numpy(str), expected):
            yield f"{predictions_path(name)}: its true classes are not those of {TEST}"


def _folder_hash(folder: Path) -> str:
    """Return the hash that DVC gives a folder: that of the list of its files and their hashes."""
    found = [
        {
            "md5": hashlib.md5(file.read_bytes()).hexdigest(),
            "relpath": file.relative_to(folder).as_posix(),
        }
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    ]
    return f"{hashlib.md5(json.dumps(found).encode()).hexdigest()}.dir"


def _other_than(base: Results, now: Results) -> Iterator[str]:
    """Compare with results of the same test images, and of the same inputs."""
    hashes = [dvc_lock.output_hash(results.lock, TEST) for results in (base, now)]
    if None in hashes or hashes[0] != hashes[1]:
        return
    for name, table in now.predictions.items():
        path, before = predictions_path(name), base.predictions.get(name)
        if before is None:
            continue
        if len(before) != len(table):
            yield (
                f"{path}: {len(table):,} rows, but the base has {len(before):,} of the same test "
                "images"
            )
        elif not before["actual"].equals(table["actual"]):
            yield f"{path}: other true classes than the base's, of the same images"
        elif _same_inputs(path, base, now) and not before["predicted"].equals(table["predicted"]):
            yield f"{path}: other answers of the same model to the same images"


def _not_trained_again(base: Results, now: Results) -> Iterator[str]:
    """Name models of the base that dvc.lock says to come of another training.

    `dvc exp save` and `dvc commit --force` note inputs that no stage has read.
    """
    for _, path, md5 in dvc_lock.outputs(now.lock):
        if path.endswith(".keras") and dvc_lock.output_hash(base.lock, path) == md5:
            sides = [dvc_lock.maker(results.lock, path)[1] for results in (base, now)]
            changed = dvc_lock.changed_keys(*map(dvc_lock.inputs, sides))
            decisive = [key for key in changed if key == TRAIN or key.endswith(DECISIVE)]
            if decisive:
                yield f"{path} is the base's model, not one of another {', '.join(decisive)}"


def _same_inputs(path: str, base: Results, now: Results) -> bool:
    """Return whether the stage that makes a file had the same inputs on both sides."""
    name, before = dvc_lock.maker(base.lock, path)
    _, after = dvc_lock.maker(now.lock, path)
    return bool(name) and all(
        before.get(key) == after.get(key) for key in ("cmd", "deps", "params")
    )


def unsupported_margins(spread: dict[str, Any]) -> list[str]:
    """Return the models whose margins in seed_spread.json do not follow from its own numbers.

    `two_runs_differ_by` is a multiple of `sd`, and the mean accuracy that of `images_right_in`.
    """
    seeds = spread.get("seeds")
    unsupported = []
    for name, model in spread.items():
        if not isinstance(model, dict) or "two_runs_differ_by" not in model:
            continue
        try:
            if not isinstance(seeds, int) or not _is_supported(model, seeds):
                unsupported.append(name)
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            unsupported.append(name)
    return unsupported


def _is_supported(model: dict[str, Any], seeds: int) -> bool:
    between_two = np.sqrt(2) * stats.t.ppf(0.975, seeds - 1)
    margins = _flat({**model["two_runs_differ_by"], "classes": {}})
    right_in = np.array(model["images_right_in"])
    right = np.arange(seeds + 1)
    mean = float(right_in @ right) / (seeds * right_in.sum())
    # Two runs differ in accuracy by no more than the share of images on which they disagree.
    disagreed = float(right_in @ (2 * right * (seeds - right))) / (seeds * (seeds - 1))
    return (
        all(
            math.isclose(margin, between_two * model["sd"][name], rel_tol=1e-3)
            for name, margin in margins.items()
        )
        and math.isclose(mean, model["mean"]["accuracy"], abs_tol=1e-4)
        and math.sqrt(2) * model["sd"]["accuracy"] <= disagreed / right_in.sum()
        and all(0 <= margin < 1 for margin in model["two_runs_differ_by"]["classes"].values())
    )
