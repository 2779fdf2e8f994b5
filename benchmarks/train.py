"""Train a row once: `python -m benchmarks.train ROW SEED` writes benchmarks/results/ROW-SEED.json.

On all 60,000 training images, through the workflow's own code; measured on the test images after
each epoch, of which only the last one counts.
"""

import argparse
import time
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


class Stopwatch(keras.callbacks.Callback):
    """Notes the seconds of training until the end of each epoch, without those of measuring."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.started, self.seconds = time.perf_counter(), []

    def on_test_begin(self, logs: dict | None = None) -> None:
        self.seconds.append(time.perf_counter() - self.started)
        self.paused = time.perf_counter()

    def on_test_end(self, logs: dict | None = None) -> None:
        self.started += time.perf_counter() - self.paused


def unit_seconds(split: Split) -> float:
    """Return the unit of time: an epoch of cnn-for-fashion-mnist in Keras's own `fit`, float32.

    Ten times the median of ten tenths: for seconds at a time, a busy machine is half as fast.
    """
    _, recipe = rows.read("cnn-for-fashion-mnist", seed=0)
    keras.config.set_dtype_policy("float32")
    model = models.cnn(recipe)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(split.images[:640], split.labels[:640], batch_size=64, verbose=0)  # traces
    tenths = []
    for images, labels in zip(*(np.array_split(array, 10) for array in split), strict=True):
        started = time.perf_counter()
        model.fit(images, labels, batch_size=64, verbose=0)
        tenths.append(time.perf_counter() - started)
    return 10 * float(np.median(tenths))


def run(train: Train, recipe: Recipe, measured_on: Literal["test", "validation"]) -> dict:
    """Train and return what the tables need; accuracies are shares, times seconds.

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
    unit = unit_seconds(split)
    precision = training.prepare(train)
    model = models.cnn(recipe) if isinstance(recipe, CNN) else models.mlp(recipe)
    stopwatch = Stopwatch()
    history = training.fit(model, split, held_out, train, recipe, [stopwatch])
    averaged = sum(
        models.predict(model, images) for images in (held_out.images, held_out.images[:, :, ::-1])
    )
    return {
        "accuracy": history["val_accuracy"].tolist(),
        "flip_averaged_accuracy": float((averaged.argmax(axis=1) == held_out.labels).mean()),
        "seconds": stopwatch.seconds,
        "unit_seconds": unit,
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
