"""Measure the predictions of a model in any language: `python -m fashion_mnist.measure r_cnn`.

It reads plots/predictions_MODEL.csv, with the columns actual, predicted, probability and
actual_probability, and writes metrics/evaluate_MODEL.json; --folder says where these are.
"""

import argparse
from pathlib import Path

from fashion_mnist import command, files, tables
from fashion_mnist.dataset import splits
from fashion_mnist.errors import InputError
from fashion_mnist.evaluation import metrics


def main(model: str, folder: Path) -> None:
    path = folder / f"plots/predictions_{model}.csv"
    try:
        table = metrics.with_classes(tables.read(path), splits.load_spec(Path("data")).classes)
    except ValueError as error:
        raise InputError(f"{path}: {error}; make it again") from None
    results = {**metrics.summarize(table), "classes": metrics.by_class(table)}
    files.write_json(folder / f"metrics/evaluate_{model}.json", {model: results})


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("model")
    parser.add_argument("--folder", type=Path, default=Path(), help="default: the root")
    return parser


if __name__ == "__main__":
    command.run(main, parser())
