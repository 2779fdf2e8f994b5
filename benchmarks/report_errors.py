"""How often the report errs and how small a change it sees: `python -m benchmarks.report_errors`.

Draws pairs of training runs as they really scatter: metrics/seed_spread.json says how many test
images 0, 1, ... all seeds of the CNN get right. An image that k of K seeds get right is right with
chance k/K in a simulated run; runs share a shift of their own, so that their accuracies spread as
those of the real seeds do. Each pair goes through the report's own judgement. Writes
docs/report_errors.md.
"""

import json
from pathlib import Path

import numpy as np

from fashion_mnist import comparison
from fashion_mnist.dataset import CLASS_NAMES
from fashion_mnist.seed_spread import PATH

PAIRS = 1000
TRUE_CHANGES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)  # percentage points


def simulate_run(
    rng: np.random.Generator, chances: np.ndarray, own_sd: float, gain: float
) -> np.ndarray:
    """Return bool (n,): the images that a run whose accuracy is `gain` higher gets right."""
    undecided = (chances > 0) & (chances < 1)
    shift = (gain + rng.normal(0, own_sd)) / undecided.mean()
    return rng.random(len(chances)) < np.where(undecided, chances + shift, chances)


def main() -> None:
    measured = json.loads(PATH.read_text())
    cnn, seeds = measured["cnn"], measured["seeds"]
    images_right_in = np.array(cnn["images_right_in"])
    chances = np.repeat(np.arange(seeds + 1) / seeds, images_right_in)
    # What independent images do not explain of the spread.
    independent = (chances * (1 - chances)).sum() / len(chances) ** 2
    own_sd = np.sqrt(max(0.0, cnn["sd"]["accuracy"] ** 2 - independent))
    rng = np.random.default_rng(0)
    lines = [
        "# How often the report errs",
        "",
        "Made by `python -m benchmarks.report_errors`; [report.md](report.md) says what it means.",
        f"Of {PAIRS:,} pairs of simulated runs on {len(chances):,} test images, the share that the "
        "report calls",
        "",
        "| true change of the accuracy | better | worse or mixed | better, spread of seeds unknown "
        "| worse or mixed, unknown |",
        "|--:|--:|--:|--:|--:|",
    ]
    for points in TRUE_CHANGES:
        found = {True: [], False: []}
        for _ in range(PAIRS):
            actual = np.array(CLASS_NAMES)[rng.permutation(len(chances)) % len(CLASS_NAMES)]
            base, now = (simulate_run(rng, chances, own_sd, g) for g in (0.0, points / 100))
            for known, statuses in found.items():
                judged = comparison.judge(
                    actual, base, now, cnn["two_runs_differ_by"] if known else None, 1
                )
                statuses.append(comparison.status(*judged))
        shares = [
            f"{np.mean([status in wanted for status in found[known]]):.1%}"
            for known in (True, False)
            for wanted in ((comparison.BETTER,), (comparison.WORSE, comparison.MIXED))
        ]
        lines.append(f"| {points:+.1f} points | {' | '.join(shares)} |")
    Path("docs/report_errors.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
