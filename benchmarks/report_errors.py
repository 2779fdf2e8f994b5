"""Measure how often the report errs and what it misses: `python -m benchmarks.report_errors`.

It simulates pairs of training runs from ten real seeds of the CNN. metrics/seed_spread.json has the
numbers of test images that 0, 1, ... all seeds get right. A pair of runs takes
each image from two different seeds: of an image that 7 of 10 get right, each run gets it right with
a chance of 0.7. A true change corrects mistakes of the second run on images that some seed gets
right. Each pair goes through the report's own judgement. The result is docs/report_errors.md.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import measured
from fashion_mnist import command, files
from fashion_mnist.report import judgement
from fashion_mnist.seed_spread import PATH

PAIRS = 1000
TEXT = """# How often the report errs

Made by `python -m benchmarks.report_errors`; [report.md](report.md) says what it means. The table
has the verdicts of the report on {pairs:,} pairs of simulated runs, each on {images:,} test images.

{table}

Two simulated runs of one recipe differ by 0 ± {simulated:.2f} points (standard deviation), two real
seeds by 0 ± {real:.2f}.
"""
TRUE_CHANGES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)  # percentage points


def simulate_pair(
    rng: np.random.Generator, right_in: np.ndarray, seeds: int, gain: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return bool (n,) twice: the images that each of two runs gets right.

    Args:
        rng: the random generator.
        right_in: int (n,), the number of real seeds that get each image right.
        seeds: the number of real seeds.
        gain: the true difference of the second run's accuracy.
    """
    base, now = rng.random((2, len(right_in)))
    base = base < right_in / seeds
    now = now < (right_in - base) / (seeds - 1)
    avoidable = (right_in > 0) & (right_in < seeds)
    mistakes = np.where(avoidable, 1 - right_in / seeds, 0).mean()
    return base, now | (avoidable & (rng.random(len(now)) < gain / mistakes))


def main() -> None:
    spread = json.loads(PATH.read_text())
    cnn, seeds = spread["cnn"], spread["seeds"]
    class_names = pd.CategoricalDtype(list(cnn["two_runs_differ_by"]["classes"]))
    classes = len(class_names.categories)
    right_in = np.repeat(np.arange(seeds + 1), cnn["images_right_in"])
    count = len(right_in)
    rng = np.random.default_rng(0)
    lines = [
        "| true change of the accuracy | better | worse or mixed | better, spread of seeds unknown "
        "| worse or mixed, unknown |",
        "|--:|--:|--:|--:|--:|",
    ]
    differences = []
    for points in TRUE_CHANGES:
        found: dict[bool, list[str]] = {True: [], False: []}
        for _ in range(PAIRS):
            labels = rng.permutation(count) % classes
            actual = pd.Series(pd.Categorical.from_codes(labels, dtype=class_names))
            base, now = simulate_pair(rng, right_in, seeds, points / 100)
            if not points:
                differences.append(100 * (now.mean() - base.mean()))
            for known, statuses in found.items():
                judged = judgement.judge_right_answers(
                    actual, base, now, cnn["two_runs_differ_by"] if known else None, 1
                )
                statuses.append(judgement.status(*judged))
        shares = [
            f"{np.mean([status in wanted for status in found[known]]):.1%}"
            for known in (True, False)
            for wanted in ((judgement.BETTER,), (judgement.WORSE, judgement.MIXED))
        ]
        lines.append(f"| {points:+.1f} points | {' | '.join(shares)} |")
    text = TEXT.format(
        pairs=PAIRS,
        images=count,
        table="\n".join(lines),
        simulated=np.std(differences),
        real=100 * 2**0.5 * cnn["sd"]["accuracy"],
    )
    path = Path("docs/report_errors.md")
    files.write_bytes(path, text.encode())
    measured.record(
        path,
        PATH.as_posix(),
        "fashion_mnist/evaluation/metrics.py",
        "fashion_mnist/report/judgement.py",
    )


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
