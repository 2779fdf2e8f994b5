"""Measure how long each row trains on this processor: `python -m experiments.training_times`.

The seconds of a row are those of a step, times its steps on 60,000 images. The rows take turns, so
a noisy machine slows all of them alike. The result, benchmarks/times/training_times/KIND.json,
becomes a column of `python -m experiments.table`.
"""

from math import ceil
from pathlib import Path

import numpy as np

from benchmarks import by_processor, measured
from benchmarks.steps import Steps
from experiments import rows
from experiments.training import IMAGES, build
from fashion_mnist import command
from fashion_mnist.dataset import splits
from fashion_mnist.dataset.splits import Split
from fashion_mnist.params.recipe import Recipe
from fashion_mnist.params.train import Train
from fashion_mnist.training import fit
from fashion_mnist.training.tf_keras import keras, tf

ROUNDS, STEPS = 3, 25
UNIT = "cnn-for-fashion-mnist"


def row_seconds(train: Train, recipe: Recipe, images: Split) -> float:
    """Return the seconds of a whole training, from its steps on a few of `images`."""
    keras.backend.clear_session()
    fit.prepare(train)
    model = build(recipe, images.spec)
    few = images.take(np.arange(STEPS * train.batch_size) % len(images.labels))
    steps = Steps()
    once = train.model_copy(update={"epochs": 1})
    fit.fit(model, few, images.take(np.arange(100)), once, recipe, [steps])
    return steps.median() * ceil(IMAGES["test"] / train.batch_size) * train.epochs


def unit_seconds(images: Split) -> float:
    """Return the unit of time: an epoch of UNIT in Keras's own `fit`, in float32."""
    keras.backend.clear_session()
    train, recipe = rows.read(UNIT, seed=0)
    fit.prepare(train)
    model = build(recipe, images.spec)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    few = images.take(np.arange(4 * STEPS * train.batch_size) % len(images.labels))
    steps = Steps()
    model.fit(few.images, few.labels, batch_size=train.batch_size, callbacks=[steps], verbose=0)
    return steps.median() * ceil(IMAGES["test"] / train.batch_size)


def main() -> None:
    tf.config.set_visible_devices([], "GPU")  # the columns are processors
    images = splits.load(Path("data/train"))
    names = rows.names()
    seconds: dict[str, list[float]] = {name: [] for name in names}
    units = []
    for _ in range(ROUNDS):
        units.append(unit_seconds(images))
        for name in names:
            seconds[name].append(row_seconds(*rows.read(name, seed=0), images))
            print(f"{name}: {seconds[name][-1]:.0f} s", flush=True)
    settings = [path.as_posix() for path in sorted(rows.FOLDER.glob("*.args"))]
    by_processor.write(
        "training_times", {"unit_seconds": units, "seconds": seconds}, *measured.CODE, *settings
    )


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
