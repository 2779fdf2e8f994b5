"""Train a row once: `python -m experiments.train ROW SEED`.

It trains on all 60,000 training images, by the workflow's own code, measures on the test images
after each epoch, and writes experiments/results/ROW-SEED.json. Only the last epoch counts.
"""

import argparse
from pathlib import Path
from typing import Any, Literal

import numpy as np

from experiments import rows
from fashion_mnist import command, files
from fashion_mnist.dataset import splits
from fashion_mnist.dataset.spec import Spec
from fashion_mnist.dataset.splits import Split
from fashion_mnist.errors import InputError
from fashion_mnist.params.cnn import CNN
from fashion_mnist.params.mlp import MLP
from fashion_mnist.params.recipe import Recipe
from fashion_mnist.params.train import Train
from fashion_mnist.training import cnn, fit, mlp, prediction
from fashion_mnist.training.tf_keras import keras

# The number of images that a run learns from, by what it is measured on.
IMAGES = {"test": 60_000, "validation": 55_000}


def main(row: str, seed: int) -> None:
    files.write_json(
        Path(f"experiments/results/{row}-{seed}.json"), run(*rows.read(row, seed), "test")
    )


def run(train: Train, recipe: Recipe, measured_on: Literal["test", "validation"]) -> dict[str, Any]:
    """Train once; return accuracies (shares), parameters and precision.

    The validation images belong to the training images unless they are what is measured.
    """
    learned = ["train"] if measured_on == "validation" else ["train", "validation"]
    parts = [splits.load(Path("data") / name) for name in learned]
    split = Split(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        parts[0].spec,
    )
    expected = IMAGES[measured_on]
    if len(split.labels) != expected:
        raise InputError(
            f"data/{' and data/'.join(learned)}: {len(split.labels):,} images, expected "
            f"{expected:,}; `git checkout params.yaml && dvc repro normalize` brings them back"
        )
    held_out = splits.load(Path("data") / measured_on)
    precision = fit.prepare(train)
    model = build(recipe, split.spec)
    history = fit.fit(model, split, held_out, train, recipe)
    as_they_are = prediction.predict(model, held_out.images)
    mirrored = prediction.predict(model, held_out.images[:, :, ::-1])
    averaged = (as_they_are + mirrored).argmax(axis=1)
    return {
        "accuracy": history["val_accuracy"].tolist(),
        "flip_averaged_accuracy": float((averaged == held_out.labels).mean()),
        "parameters": model.count_params(),
        "precision": precision,
    }


def build(recipe: Recipe, spec: Spec) -> keras.Model:
    """Build the model of a recipe."""
    if isinstance(recipe, CNN):
        return cnn.build(recipe, spec)
    if isinstance(recipe, MLP):
        return mlp.build(recipe, spec)
    raise TypeError(f"no model for {type(recipe).__name__}")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("row", choices=rows.names())
    parser.add_argument("seed", type=int)
    return parser


if __name__ == "__main__":
    command.run(main, parser())
