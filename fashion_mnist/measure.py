"""Measure the predictions of a model in any language: `python -m fashion_mnist.measure r_cnn`.

It reads plots/predictions_MODEL.csv, with the columns actual, predicted, probability and
actual_probability, and writes metrics/evaluate_MODEL.json.
"""

import argparse
from pathlib import Path

from fashion_mnist import command, files, tables
from fashion_mnist.dataset import splits
from fashion_mnist.errors import InputError
from fashion_mnist.evaluation import metrics


def main(model: str) -> None:
    path = Path(f"plots/predictions_{model}.csv")
    try:
        table = metrics.with_classes(tables.read(path), splits.load_spec(Path("data")).classes)
    except ValueError as error:
        raise InputError(f"{path}: {error}; make it again") from None
    results = {**metrics.summarize(table), "classes": metrics.by_class(table)}
    files.write_json(Path(f"metrics/evaluate_{model}.json"), {model: results})


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("model")
    return parser


if __name__ == "__main__":
    command.run(main, parser())
