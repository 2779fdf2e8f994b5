"""A training: its settings, what it learns from, and its result."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from fashion_mnist.dataset import splits
from fashion_mnist.dataset.spec import Spec
from fashion_mnist.dataset.splits import Split
from fashion_mnist.errors import InputError
from fashion_mnist.params.cnn import CNN
from fashion_mnist.params.linear import Linear
from fashion_mnist.params.mlp import MLP
from fashion_mnist.params.recipe import Recipe
from fashion_mnist.params.resnet import ResNet
from fashion_mnist.params.train import Train
from fashion_mnist.training import cnn, fit, linear, mlp, prediction, resnet
from fashion_mnist.training.tf_keras import keras

HeldOut = Literal["test", "validation"]
# What a training learns from, by what it is measured on, and the number of these images.
LEARNED: dict[HeldOut, tuple[str, ...]] = {
    "test": ("train", "validation"),
    "validation": ("train",),
}
IMAGES: dict[HeldOut, int] = {"test": 60_000, "validation": 55_000}


class Epoch(NamedTuple):
    """What is known after an epoch: its number, from 1, its accuracy (a share), its seconds."""

    number: int
    accuracy: float
    seconds: float


OnEpoch = Callable[[Epoch], bool]  # returns whether to stop


class Training(NamedTuple):
    """What decides a result, but for code and data."""

    train: Train
    recipe: Recipe
    measured_on: HeldOut


class Data(NamedTuple):
    learned: Split
    held_out: Split


def load(measured_on: HeldOut) -> Data:
    """Load what trainings learn from and what they are measured on.

    The validation images belong to the training images unless they are what is measured.

    Raises:
        InputError: a file is missing or damaged.
    """
    parts = [splits.load(Path("data") / name) for name in LEARNED[measured_on]]
    learned = Split(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        parts[0].spec,
    )
    return Data(learned, splits.load(Path("data") / measured_on))


def require_all_images(measured_on: HeldOut) -> None:
    """Check that trainings will learn from as many images as the documents say.

    Raises:
        InputError: params.yaml made other splits.
    """
    names = [f"data/{name}" for name in LEARNED[measured_on]]
    found, expected = (
        sum(len(splits.load(Path(name)).labels) for name in names),
        IMAGES[measured_on],
    )
    if found != expected:
        raise InputError(
            f"{' and '.join(names)}: {found:,} images, expected {expected:,}; "
            "`git checkout params.yaml && dvc repro normalize` brings them back"
        )


def run(
    training: Training,
    data: Data,
    on_epoch: OnEpoch | None = None,
    checkpoint: Path | None = None,
) -> dict[str, Any] | None:
    """Train once; return accuracies (shares), parameters and precision.

    Args:
        training: the settings.
        data: what `load` returned.
        on_epoch: is asked after each epoch whether to stop; a stopped training has no result.
        checkpoint: as `fit.fit`.

    Raises:
        InputError: the loss is not a number.
    """
    train, recipe, _ = training
    learned, held_out = data
    keras.backend.clear_session()
    precision = fit.prepare(train)
    model = fit.built(build, recipe, learned.spec, train)
    watch = _Watch(on_epoch or (lambda epoch: False))
    history = fit.fit(model, learned, held_out, train, recipe, [watch], checkpoint)
    if watch.is_stopped:
        return None
    as_they_are = prediction.predict(model, held_out.images)
    mirrored = prediction.predict(model, held_out.images[:, :, ::-1])
    averaged = (as_they_are + mirrored).argmax(axis=1)
    return {
        "accuracy": history["val_accuracy"].tolist(),
        "flip_averaged_accuracy": float((averaged == held_out.labels).mean()),
        "parameters": model.count_params(),
        "precision": precision,
    }


class _Watch(keras.callbacks.Callback):
    def __init__(self, on_epoch: OnEpoch) -> None:
        super().__init__()
        self.on_epoch, self.is_stopped = on_epoch, False

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        seconds = time.perf_counter() - self.started
        if self.on_epoch(Epoch(epoch + 1, logs["val_accuracy"], seconds)):
            self.model.stop_training = self.is_stopped = True


def build(recipe: Recipe, spec: Spec) -> keras.Model:
    """Build the model of a recipe."""
    if isinstance(recipe, CNN):
        return cnn.build(recipe, spec)
    if isinstance(recipe, MLP):
        return mlp.build(recipe, spec)
    if isinstance(recipe, Linear):
        return linear.build(recipe, spec)
    if isinstance(recipe, ResNet):
        return resnet.build(recipe, spec)
    raise TypeError(f"no model for {type(recipe).__name__}")
