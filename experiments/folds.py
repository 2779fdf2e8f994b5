"""Train a fold: `python -m experiments.folds ROW SEED FOLD`.

The 60,000 training images are dealt into five folds, differently for each seed. A model learns from
four of them and classifies the fifth and the test images, none of which it has learned from. Its
answers go to experiments/folds/ROW-SEED-FOLD.npz.

With --planted, it learns from labels of which 1 % are wrong on purpose: a control that says how
many wrong labels `experiments.label_noise` finds. They exist only in memory, and the answers go to
experiments/folds/ROW-planted-SEED-FOLD.npz.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import StratifiedKFold

from experiments import rows
from experiments.training import build
from fashion_mnist import command, files
from fashion_mnist.dataset import idx
from fashion_mnist.dataset.splits import Split
from fashion_mnist.errors import InputError
from fashion_mnist.params.dataset import Dataset
from fashion_mnist.training import fit, prediction

FOLDER = Path("experiments/folds")
FOLDS = 5
PLANTED_SHARE = 0.01


class Answers(NamedTuple):
    """Class probabilities, float32: train (60000, 10), out of fold; test (10000, 10)."""

    train: np.ndarray
    test: np.ndarray


def main(row: str, seed: int, fold: int, planted: bool) -> None:
    images, test = original()
    labels = images.labels
    held_out = dealt(labels, seed) == fold
    if planted:
        labels, _ = plant(images, seed)
    learned = Split(images.images[~held_out], labels[~held_out], images.spec)
    answered = images.take(np.flatnonzero(held_out))
    train, recipe = rows.read(row, seed)
    fit.prepare(train)
    model = build(recipe, images.spec)
    fit.fit(model, learned, answered, train, recipe)
    # Of a probability, float16 keeps three digits.
    of_train, of_test = (
        prediction.predict(model, part.images).astype(np.float16) for part in (answered, test)
    )
    name = f"{row}-planted" if planted else row
    with files.atomic(path(name, seed, fold)) as partial, partial.open("wb") as file:
        np.savez(file, train=of_train, test=of_test)


def path(name: str, seed: int, fold: int) -> Path:
    """Return the file with the answers of a fold's model."""
    return FOLDER / f"{name}-{seed}-{fold}.npz"


def original() -> tuple[Split, Split]:
    """Return training and test images in the order of the dataset's files, by which all cite them.

    data/train and data/validation hold the same training images in another order.
    """
    raw, spec = Path("data/raw"), Dataset.load().spec
    return idx.read_split(raw, idx.TRAIN, spec), idx.read_split(raw, idx.TEST, spec)


def class_names() -> list[str]:
    """Return the names of the classes, in the order of the labels."""
    return Dataset.load().classes


def dealt(labels: np.ndarray, seed: int) -> np.ndarray:
    """Return the fold of each image, int64 (n,); each fold has as many images of each class.

    Args:
        labels: uint8 (n,).
        seed: of the random choice.
    """
    folds = np.empty(len(labels), dtype=int)
    dealer = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for fold, (_, held_out) in enumerate(dealer.split(labels, labels)):
        folds[held_out] = fold
    return folds


def plant(split: Split, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Give PLANTED_SHARE of the images a wrong label, in a copy.

    One half gets the label of a random image of another class, the other half that of the most
    similar image of another class: the mistakes of a slip, and those that are easy to make.

    Args:
        split: n images.
        seed: of the random choice.

    Returns:
        The labels with the wrong ones among them, uint8 (n,); the positions of these, int64 (m,),
        those with a random image's label in the first half.
    """
    rng = np.random.default_rng(seed)
    labels = split.labels
    chosen = rng.choice(len(labels), round(PLANTED_SHARE * len(labels)), replace=False)
    slips, confused = np.array_split(chosen, 2)
    planted = labels.copy()
    for position in slips:
        planted[position] = rng.choice(labels[labels != labels[position]])
    pixels = split.images.reshape(len(labels), -1)
    # Squared distances (n, m), but for what is the same for all n.
    distances = np.square(pixels).sum(axis=1)[:, None] - 2 * pixels @ pixels[confused].T
    distances[labels[:, None] == labels[confused]] = np.inf
    planted[confused] = labels[distances.argmin(axis=0)]
    return planted, chosen


def read(name: str, seed: int, labels: np.ndarray) -> Answers:
    """Return the answers of all folds: for test images, the mean of the five models.

    Args:
        name: of the row, with "-planted" after it where labels were planted.
        seed: of the folds and the trainings.
        labels: uint8 (n,), of the training images.

    Raises:
        InputError: a fold was not trained.
    """
    folds = dealt(labels, seed)
    train, test = None, []
    for fold in range(FOLDS):
        try:
            with np.load(path(name, seed, fold)) as file:
                answers = {key: file[key].astype(np.float32) for key in ("train", "test")}
        except FileNotFoundError:
            raise InputError(
                f"{path(name, seed, fold)}: not found; make it with `dvc --cd experiments repro`"
            ) from None
        if train is None:
            train = np.empty((len(labels), answers["train"].shape[1]), np.float32)
        train[folds == fold] = answers["train"]
        test.append(answers["test"])
    assert train is not None
    return Answers(train, np.mean(test, axis=0))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("row", choices=rows.names())
    parser.add_argument("seed", type=int)
    parser.add_argument("fold", type=int, choices=range(FOLDS))
    parser.add_argument("--planted", action="store_true")
    return parser


if __name__ == "__main__":
    command.run(main, parser())
