"""Print the classification report of each model: `python -m fashion_mnist.classification_report`.

The text is scikit-learn's, of the predictions in plots/predictions_*.csv.
"""

import argparse
from pathlib import Path

from sklearn import metrics

from fashion_mnist import command, tables
from fashion_mnist.errors import InputError
from fashion_mnist.evaluation import metrics as evaluation
from fashion_mnist.params.dataset import Dataset
from fashion_mnist.report.results import FOLDERS, predictions_path

PREFIX = "predictions_"


def main(models: list[str]) -> None:
    paths = [Path(predictions_path(model)) for model in models] or [
        path
        for folder in ("", *FOLDERS.values())
        for path in sorted(Path(folder).glob(f"plots/{PREFIX}*.csv"))
    ]
    if not paths:
        raise InputError(f"plots/{PREFIX}*.csv: not found; make them with `dvc repro`")
    classes = Dataset.load().classes
    for path in paths:
        try:
            table = evaluation.with_classes(tables.read(path), classes)
        except ValueError as error:
            raise InputError(f"{path}: {error}; make it again with `dvc repro`") from None
        text = metrics.classification_report(
            table["actual"], table["predicted"], labels=classes, digits=4, zero_division=0
        )
        print(f"{path.stem.removeprefix(PREFIX).upper()}, {len(table):,} test images\n\n{text}")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("models", nargs="*", help="such as cnn; default: all")
    return parser


if __name__ == "__main__":
    command.run(main, parser())
