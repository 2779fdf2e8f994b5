"""Train the CNN of r/ from Python, and compare: `python -m experiments.r_twin`.

Both trainings run with the section `r_cnn` of params.yaml on the same splits, one after the other.
The result is docs/r.md, with a column of times for each kind of processor.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import by_processor
from fashion_mnist import command, files
from fashion_mnist.dataset import splits
from fashion_mnist.errors import InputError
from fashion_mnist.params.r_cnn import RCNN
from fashion_mnist.training.tf_keras import keras, tf

R_MODEL = Path("r/models/r_cnn.keras")
TEXT = """# The same CNN from Python and from R

Made by `python -m experiments.r_twin`. [r/](../r) trains the section `r_cnn` of `params.yaml` by
Keras through reticulate; the command trains the same layers on the same split with the same seed
and settings from Python. {machines}

{table}

"Seconds" are those of a single run of the whole script, imports and files included, without a
measure of their noise. Both scripts make the same calls of Keras in the same order, so equal
numbers mean that R passes on every value unchanged.

![Two test images](../r/plots/images.png)
![Accuracy and loss by epoch](../r/plots/curves.png)
![Confusion matrix](../r/plots/confusion.png)
"""


def main(train_into: Path | None) -> None:
    if train_into:
        train(RCNN.load(), train_into)
        return
    with tempfile.TemporaryDirectory() as scratch:
        twin = Path(scratch) / "python_cnn.keras"
        seconds = {
            "r": timed("Rscript", "r/train.R"),
            "python": timed(sys.executable, "-m", "experiments.r_twin", "--train-into", str(twin)),
        }
        models = {
            "r": keras.saving.load_model(R_MODEL),
            "python": keras.saving.load_model(twin, compile=False),
        }
    test = splits.load(Path("data/test"))
    answers = {
        side: model.predict(test.images, batch_size=1000, verbose=0)
        for side, model in models.items()
    }
    weights = zip(models["r"].get_weights(), models["python"].get_weights(), strict=True)
    measured = {
        "seconds": seconds,
        "accuracy": {
            side: float((rows.argmax(axis=1) == test.labels).mean())
            for side, rows in answers.items()
        },
        "same_weights": all(np.array_equal(one, other) for one, other in weights),
        "largest_difference": float(np.abs(answers["r"] - answers["python"]).max()),
    }
    by_processor.write("r_twin", measured, "params.yaml: r_cnn", "r/R/model.R", "r/train.R")
    files.write_bytes(Path("docs/r.md"), document(by_processor.read("r_twin")).encode())


def train(params: RCNN, path: Path) -> None:
    """Train as r/R/model.R does, call by call, and write the model."""
    keras.utils.set_random_seed(params.seed)
    tf.config.experimental.enable_op_determinism()
    train_split = splits.load(Path("data/train"))
    validation = splits.load(Path("data/validation"))
    layers, classes = keras.layers, len(train_split.spec.classes)
    model = keras.Sequential(name="r_cnn")
    model.add(keras.Input(train_split.spec.image_shape, name="images"))
    for position, filters in enumerate(params.filters, start=1):
        model.add(layers.Conv2D(filters, params.kernel_size, activation="relu"))
        if position in params.pool_after:
            model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    for units in params.dense_units:
        model.add(layers.Dense(units, activation="relu"))
    model.add(layers.Dense(classes, activation="softmax"))
    model.compile(
        optimizer=keras.optimizers.Adam(params.learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(
        np.asarray(train_split.images),
        keras.utils.to_categorical(train_split.labels, classes),
        batch_size=params.batch_size,
        epochs=params.epochs,
        validation_data=(
            np.asarray(validation.images),
            keras.utils.to_categorical(validation.labels, classes),
        ),
        verbose=0,
    )
    model.save(path)


def timed(*arguments: str) -> float:
    """Run a command and return its seconds.

    Raises:
        InputError: the command is missing or fails.
    """
    started = time.perf_counter()
    try:
        subprocess.run(arguments, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise InputError(f"{' '.join(arguments)}: {error}; see CONTRIBUTING.md for R") from None
    return time.perf_counter() - started


def document(found: dict[str, dict]) -> str:
    """Return docs/r.md from the measurements by kind of processor."""
    rows: dict[str, list[str]] = {
        "test accuracy, from R": [f"{of['accuracy']['r']:.2%}" for of in found.values()],
        "test accuracy, from Python": [f"{of['accuracy']['python']:.2%}" for of in found.values()],
        "every weight is the same": [
            "yes" if of["same_weights"] else "no" for of in found.values()
        ],
        "largest difference of a probability": [
            f"{of['largest_difference']:.2g}" for of in found.values()
        ],
        "seconds, from R": [f"{of['seconds']['r']:.0f}" for of in found.values()],
        "seconds, from Python": [f"{of['seconds']['python']:.0f}" for of in found.values()],
    }
    return TEXT.format(
        machines=by_processor.machines(found), table=by_processor.table("", rows, list(found))
    )


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument(
        "--train-into", type=Path, metavar="FILE", help="only train from Python, into this file"
    )
    return parser


if __name__ == "__main__":
    command.run(main, parser())
