"""How long each row trains on this processor: `python -m benchmarks.training_times`.

A row's seconds are those of a step, times its steps on 60,000 images; the rows take turns, so that
a noisy machine slows all alike. Writes benchmarks/times/training_times/KIND.json, from which
`python -m benchmarks.table` makes a column.
"""

import time
from math import ceil
from pathlib import Path

import numpy as np

import stages
from benchmarks import by_processor, measured, rows
from benchmarks.train import IMAGES, build
from fashion_mnist import dataset, training
from fashion_mnist.backend import keras, tf
from fashion_mnist.dataset import Split
from fashion_mnist.params import Recipe, Train

ROUNDS, STEPS, SKIPPED = 3, 25, 5
UNIT = "cnn-for-fashion-mnist"


class Steps(keras.callbacks.Callback):
    """Notes when each step of a training ends."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.ends.append(time.perf_counter())

    def median(self) -> float:
        """Return the seconds of a step, the first ones, which trace and warm up, left out."""
        return float(np.median(np.diff(self.ends)[SKIPPED:]))


def row_seconds(train: Train, recipe: Recipe, images: Split) -> float:
    """Return the seconds of a whole training, by its steps on `images`."""
    keras.backend.clear_session()
    training.prepare(train)
    model = build(recipe)
    few = images.take(np.arange(STEPS * train.batch_size) % len(images.labels))
    steps = Steps()
    once = train.model_copy(update={"epochs": 1})
    training.fit(model, few, images.take(np.arange(100)), once, recipe, [steps])
    return steps.median() * ceil(IMAGES["test"] / train.batch_size) * train.epochs


def unit_seconds(images: Split) -> float:
    """Return the unit of time: an epoch of cnn-for-fashion-mnist in Keras's own `fit`, float32."""
    keras.backend.clear_session()
    train, recipe = rows.read(UNIT, seed=0)
    training.prepare(train)
    model = build(recipe)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    few = images.take(np.arange(4 * STEPS * train.batch_size) % len(images.labels))
    steps = Steps()
    model.fit(*few, batch_size=train.batch_size, callbacks=[steps], verbose=0)
    return steps.median() * ceil(IMAGES["test"] / train.batch_size)


def main() -> None:
    tf.config.set_visible_devices([], "GPU")  # the columns are processors
    images = dataset.load(Path("data/train"))
    names = sorted(path.stem for path in rows.FOLDER.glob("*.args"))
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
    stages.run(main)
