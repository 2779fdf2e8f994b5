"""Measure what one setting is worth: `python -m experiments.ablate NAME [KEY=VALUE ...]`.

It trains the row six-convolutions with these settings changed, on the train split alone, once per
seed, measures on the validation images, and writes experiments/ablation/NAME.json.
"""

import argparse
from pathlib import Path

from experiments import rows, trainings
from experiments.training import Training, require_all_images
from experiments.workers import Here
from fashion_mnist import command, files

ROW = "six-convolutions"
SEEDS = (20, 21, 22, 23, 24)  # not those of the test results


def of(changes: list[str]) -> list[Training]:
    """Return the trainings of an ablation, one for each seed."""
    return [Training(*rows.read(ROW, seed, *changes), "validation") for seed in SEEDS]


def main(name: str, changes: list[str]) -> None:
    require_all_images("validation")
    runs = trainings.train_all(of(changes), Here())
    files.write_json(Path(f"experiments/ablation/{name}.json"), {"changes": changes, "runs": runs})
    trainings.forget(of(changes))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("name")
    parser.add_argument("changes", nargs="*", metavar="KEY=VALUE")
    return parser


if __name__ == "__main__":
    command.run(main, parser())
