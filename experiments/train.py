"""Train a row once: `python -m benchmarks.train ROW SEED` writes benchmarks/results/ROW-SEED.json.

On all 60,000 training images, through the workflow's own code; measured on the test images after
each epoch, of which only the last one counts.
"""

import argparse
from pathlib import Path
from typing import Literal

import numpy as np

import stages
from benchmarks import rows
from fashion_mnist import dataset, files, models, training
from fashion_mnist.backend import keras
from fashion_mnist.dataset import Split
from fashion_mnist.errors import InputError
from fashion_mnist.params import CNN, Recipe, Train

# What a run learns from, by what it is measured on.
IMAGES = {"test": 60_000, "validation": 55_000}


def build(recipe: Recipe) -> keras.Model:
    """Build the network of a recipe, an MLP or a CNN."""
    return models.cnn(recipe) if isinstance(recipe, CNN) else models.mlp(recipe)


def run(train: Train, recipe: Recipe, measured_on: Literal["test", "validation"]) -> dict:
    """Train and return what the tables need; accuracies are shares.

    Training takes the validation images, too, unless they are what is measured.
    """
    learned = ["train"] if measured_on == "validation" else ["train", "validation"]
    parts = (dataset.load(Path("data") / name) for name in learned)
    split = Split(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    expected = IMAGES[measured_on]
    if len(split.labels) != expected:
        raise InputError(
            f"data/{' and data/'.join(learned)}: {len(split.labels):,} images, expected "
            f"{expected:,}; `git checkout params.yaml && dvc repro normalize` brings them back"
        )
    held_out = dataset.load(Path("data") / measured_on)
    precision = training.prepare(train)
    model = build(recipe)
    history = training.fit(model, split, held_out, train, recipe)
    averaged = sum(
        models.predict(model, images) for images in (held_out.images, held_out.images[:, :, ::-1])
    )
    return {
        "accuracy": history["val_accuracy"].tolist(),
        "flip_averaged_accuracy": float((averaged.argmax(axis=1) == held_out.labels).mean()),
        "parameters": model.count_params(),
        "precision": precision,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("row", choices=sorted(path.stem for path in rows.FOLDER.glob("*.args")))
    parser.add_argument("seed", type=int)
    given = parser.parse_args()
    files.write_json(
        Path(f"benchmarks/results/{given.row}-{given.seed}.json"),
        run(*rows.read(given.row, given.seed), "test"),
    )


if __name__ == "__main__":
    stages.run(main)
