"""The verdict on the best of a search: better than params.yaml, or lucky."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from experiments.rows import RECIPES
from experiments.search_results import COMPARED
from experiments.study import TRIALS
from experiments.table import spread
from fashion_mnist.report import judgement, results
from fashion_mnist.report.revisions import Revision
from fashion_mnist.training import processor

DEFAULT = "params.yaml"  # the settings that the best are compared with
TEXT = """# The search {name}: better, or lucky?

Made by `{command}` with {kind}. {counts}

The search saw one seed and the validation images, on which it chose. Here the same settings are run
again with {seeds} other seeds; the test images, on which nothing was chosen, decide. A difference
is that of the mean test accuracies from `params.yaml`, in points, with Welch's 95 % interval over
the seeds. The last column is what the report (docs/report.md) says of the runs with the same seed.

| rank | multiply-adds, 10^12 | validation in the search, % | validation again, % | test, % | \
difference | the report, by seed |
|---|--:|--:|--:|--:|--:|---|
{lines}

{luck}
"""
Revisions = dict[tuple[str, int], str]  # commits of experiments, by settings and seed


class Again(NamedTuple):
    """Accuracies of settings that were run again, a value per seed, in percent."""

    validation: np.ndarray
    test: np.ndarray


def document(folder: Path, ranks: list[str], seeds: list[int], revisions: Revisions) -> str:
    """Return verdict.md.

    Args:
        folder: of the search.
        ranks: of the settings that were run again.
        seeds: with which they were.
        revisions: of their experiments and of those of params.yaml.
    """
    trials = pd.read_csv(folder / TRIALS)
    model = next(name for name in RECIPES if any(str(key).split(".")[0] == name for key in trials))
    again = {
        which: _again(model, [revisions[which, seed] for seed in seeds])
        for which in (DEFAULT, *ranks)
    }
    found: dict[str, Any] = {DEFAULT: pd.read_csv(folder / COMPARED).set_index("name").loc[DEFAULT]}
    found |= {rank: trials[trials["rank"] == int(rank)].iloc[0] for rank in ranks}
    lines = [_line(f"`{DEFAULT}`", found[DEFAULT], again[DEFAULT], "", "")]
    for rank in ranks:
        said = Counter(
            _verdict(model, revisions[DEFAULT, seed], revisions[rank, seed], len(ranks))
            for seed in seeds
        )
        words = ", ".join(f"{status} {count}" for status, count in said.most_common())
        lines.append(
            _line(f"[{rank}](best-{rank}.args)", found[rank], again[rank],
                  _difference(again[rank].test, again[DEFAULT].test), words)
        )  # fmt: skip
    return TEXT.format(
        name=folder.name,
        counts=_counts(trials),
        lines="\n".join(lines),
        luck=_luck({which: 100 * row["accuracy"] for which, row in found.items()}, again),
        command=f"python -m experiments.rerun {folder.name} {' '.join(ranks)} "
        f"--seeds {' '.join(map(str, seeds))}",
        seeds=len(seeds),
        kind=processor.describe()["kind"],
    )


def _again(model: str, commits: list[str]) -> Again:
    read = [Revision(commit).read for commit in commits]
    return Again(
        *(
            np.array([100 * json.loads(file(path) or b"")[model][key] for file in read])
            for path, key in (
                (f"metrics/train_{model}.json", "val_accuracy"),
                (results.EVALUATION, "accuracy"),
            )
        )
    )


def _line(name: str, found: pd.Series, again: Again, difference: str, said: str) -> str:
    cells = [
        name,
        f"{found['multiply_adds'] / 1e12:.1f}",
        f"{100 * found['accuracy']:.2f}",
        spread(again.validation),
        spread(again.test),
        difference,
        said,
    ]
    return f"| {' | '.join(cells)} |"


def _difference(values: np.ndarray, baseline: np.ndarray) -> str:
    low, high = stats.ttest_ind(values, baseline, equal_var=False).confidence_interval()
    return f"{values.mean() - baseline.mean():+.2f} ({low:+.2f} to {high:+.2f})"


def _verdict(model: str, base: str, now: str, compared: int) -> str:
    """Return what the report says of two experiments, when so many are compared at once."""
    before, after = (results.read(Revision(commit)) for commit in (base, now))
    judged = judgement.judge_predictions(
        before.predictions[model], after.predictions[model], before.seed_margins(model), compared
    )
    return judgement.status(judged["metrics"]["accuracy"], judged["classes"])


def _counts(trials: pd.DataFrame) -> str:
    found = trials["state"].value_counts()
    return (
        f"The search trained {found.get('whole', 0)} trials whole, stopped "
        f"{found.get('stopped', 0)} that trailed, and did not begin {found.get('impossible', 0)} "
        "that would have cost too much."
    )


def _luck(in_search: dict[str, float], again: dict[str, Again]) -> str:
    """Say how much of the accuracies in the search was luck, from those in it, in percent."""
    best = [which for which in again if which != DEFAULT]
    overstated = {which: in_search[which] - again[which].validation.mean() for which in again}
    leads = {
        kind: np.mean([getattr(again[which], kind).mean() for which in best])
        - getattr(again[DEFAULT], kind).mean()
        for kind in Again._fields
    }
    lead_in_search = np.mean([in_search[which] for which in best]) - in_search[DEFAULT]
    return (
        f"The best of the search lost {np.mean([overstated[which] for which in best]):.2f} points "
        f"of validation accuracy with other seeds, `{DEFAULT}`, which was not chosen for its "
        f"accuracy, {overstated[DEFAULT]:.2f}: that much was the luck of a seed. Their mean lead "
        f"over `{DEFAULT}` was {lead_in_search:+.2f} points in the search, "
        f"{leads['validation']:+.2f} on the same images with other seeds, and "
        f"{leads['test']:+.2f} on test images."
    )
