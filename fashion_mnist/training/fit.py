"""Training: the same numbers every time, the precision, the schedule, the fit, its history."""

import os
import time
from collections.abc import Iterator, Sequence
from math import ceil

import numpy as np
import pandas as pd

from fashion_mnist import processor, progress
from fashion_mnist.backend import keras, tf
from fashion_mnist.dataset import CLASS_NAMES, Split
from fashion_mnist.errors import InputError
from fashion_mnist.optimizers import Muon
from fashion_mnist.params import Recipe, Train


def prepare(train: Train) -> str:
    """Seed everything, ask TensorFlow for repeatable operations, set the precision.

    Call it before a network is built. Returns the Keras dtype policy in force.
    """
    keras.utils.set_random_seed(train.seed)
    tf.config.experimental.enable_op_determinism()
    precision = train.precision if train.precision != "auto" else fastest_precision()
    keras.config.set_dtype_policy(precision)
    return precision


def fastest_precision() -> str:
    """Return mixed_bfloat16 where the GPU, or else the processor, computes in it, else float32."""
    if gpus := tf.config.list_physical_devices("GPU"):
        capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability")
        return "mixed_bfloat16" if capability and capability >= (8, 0) else "float32"
    return "mixed_bfloat16" if processor.kind() in processor.MULTIPLIES_BFLOAT16 else "float32"


def fit(
    model: keras.Model,
    training: Split,
    validation: Split,
    train: Train,
    recipe: Recipe,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> pd.DataFrame:
    """Train `model` in place.

    Args:
        model: images (n, 28, 28, 1) -> probabilities (n, 10).
        training: what it learns from.
        validation: what it is measured on after each epoch; chooses nothing.
        train: the `train` section.
        recipe: the `mlp` or `cnn` section.
        callbacks: of Keras, for who watches.

    Returns:
        A row an epoch: epoch (from 1), train_accuracy, val_accuracy, train_loss, val_loss. The
        train_ ones are means over the epoch, with flips and dropout at work.

    Raises:
        InputError: the loss is no longer a number.
    """
    steps = ceil(len(training.labels) / train.batch_size)
    optimizer = {"adamw": keras.optimizers.AdamW, "muon": Muon}[recipe.optimizer]
    model.compile(
        optimizer(
            _learning_rate(recipe, steps * train.epochs),
            weight_decay=recipe.weight_decay,
        ),
        keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        metrics=["accuracy"],
        jit_compile=False,  # XLA is two to three times slower on processors.
    )
    history = model.fit(
        _batches(training, train, recipe),
        steps_per_epoch=steps,
        epochs=train.epochs,
        validation_data=(validation.images, _one_hot(validation.labels)),
        validation_batch_size=1000,
        callbacks=[_StopAtNaN(), _Progress(len(training.labels), train), *callbacks],
        shuffle=False,
        verbose=0,
    )
    table = pd.DataFrame(
        {
            "train_accuracy": history.history["accuracy"],
            "val_accuracy": history.history["val_accuracy"],
            "train_loss": history.history["loss"],
            "val_loss": history.history["val_loss"],
        }
    ).round(5)
    table.insert(0, "epoch", range(1, train.epochs + 1))
    return table


def summarize(model: keras.Model, history: pd.DataFrame, precision: str) -> dict:
    """Return what metrics/train_MODEL.json says: the last epoch, the model's size, how it computed.

    `onednn` is "1" or "0", as TF_ENABLE_ONEDNN_OPTS sets it, or "auto" where TensorFlow chose.
    """
    last = history.iloc[-1].drop("epoch").to_dict()
    return {
        model.name: {
            **last,
            "parameters": model.count_params(),
            "precision": precision,
            "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "auto"),
        }
    }


def _learning_rate(
    recipe: Recipe, steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if recipe.schedule == "constant":
        return recipe.learning_rate
    if recipe.schedule == "linear":
        return keras.optimizers.schedules.PolynomialDecay(recipe.learning_rate, steps, 0.0)
    # Large steps at once would ruin an untrained network: up for a fifth of the time, then down.
    warmup = steps // 5
    return keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, warmup_target=recipe.learning_rate, warmup_steps=warmup
    )


def _batches(
    training: Split, train: Train, recipe: Recipe
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield shuffled, augmented batches without end: images, one-hot labels (float32)."""
    rng = np.random.default_rng(train.seed)
    count = len(training.labels)
    targets = _one_hot(training.labels)
    mirrored = rng.random((count, 1, 1, 1)) < 0.5
    while True:
        order = rng.permutation(count)
        for start in range(0, count, train.batch_size):
            chosen = order[start : start + train.batch_size]
            images = training.images[chosen]
            if recipe.flip:
                images = np.where(mirrored[chosen], images[:, :, ::-1], images)
            yield images, targets[chosen]
        # Every image is seen in turn as it is and mirrored: less chance than a coin for each.
        mirrored = ~mirrored


def _one_hot(labels: np.ndarray) -> np.ndarray:
    return np.eye(len(CLASS_NAMES), dtype=np.float32)[labels]


class _StopAtNaN(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        self._check(logs["loss"])

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        self._check(logs["val_loss"])  # the last update shows only here

    def _check(self, loss: float) -> None:
        if not np.isfinite(loss):
            raise InputError(
                f"the loss is {loss} in epoch {self.epoch}: training stopped; lower "
                f"{self.model.name}.learning_rate in params.yaml"
            )


class _Progress(keras.callbacks.Callback):
    """A bar with images/s and the time left; where there is no terminal, a line an epoch."""

    def __init__(self, images: int, train: Train) -> None:
        super().__init__()
        self.images, self.train = images, train

    def on_train_begin(self, logs: dict | None = None) -> None:
        total = self.images * self.train.epochs
        self.bar = progress.bar(total=total, unit=" images", unit_scale=True)
        self.started = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.title = f"{self.model.name}, epoch {epoch + 1}/{self.train.epochs}"
        self.bar.set_description(self.title)
        self.epoch_start = epoch * self.images

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        seen = min((batch + 1) * self.train.batch_size, self.images)
        self.bar.update(self.epoch_start + seen - self.bar.n)

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        accuracy = f"val_accuracy {logs['val_accuracy']:.4f}"
        self.bar.set_postfix_str(accuracy)
        if self.bar.disable:
            rate = (epoch + 1) * self.images / (time.perf_counter() - self.started)
            left = (self.train.epochs - epoch - 1) * self.images / rate
            progress.say(f"{self.title}: {accuracy}, {rate:,.0f} images/s, {left:.0f} s left")

    def on_train_end(self, logs: dict | None = None) -> None:
        self.bar.close()
