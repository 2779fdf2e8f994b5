"""Train a row once: `python -m experiments.train ROW SEED`.

It trains on all 60,000 training images, by the workflow's own code, measures on the test images
after each epoch, and writes experiments/results/ROW-SEED.json. Only the last epoch counts. What
`python -m experiments.ahead` has trained already is not trained again.
"""

import argparse
from pathlib import Path

from experiments import rows, trainings
from experiments.training import Training, require_all_images
from experiments.workers import Here
from fashion_mnist import command, files


def main(row: str, seed: int) -> None:
    require_all_images("test")
    training = Training(*rows.read(row, seed), "test")
    [result] = trainings.train_all([training], Here())
    files.write_json(Path(f"experiments/results/{row}-{seed}.json"), result)
    trainings.forget([training])


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("row", choices=rows.names())
    parser.add_argument("seed", type=int)
    return parser


if __name__ == "__main__":
    command.run(main, parser())
