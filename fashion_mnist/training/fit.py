"""Training: seeds, precision, learning rate, batches, the fit and its history."""

import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from math import ceil, prod
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from fashion_mnist import concurrency, memory, progress, tables
from fashion_mnist.dataset.spec import Spec
from fashion_mnist.dataset.splits import Split
from fashion_mnist.errors import InputError
from fashion_mnist.params.recipe import Recipe
from fashion_mnist.params.train import Train
from fashion_mnist.training import ensemble, processor
from fashion_mnist.training.callbacks import ProgressBar, StopAtNaN
from fashion_mnist.training.checkpoint import Checkpoint, restore
from fashion_mnist.training.muon import Muon
from fashion_mnist.training.tf_keras import keras, tf

RecipeT = TypeVar("RecipeT", bound=Recipe)


def prepare(train: Train) -> str:
    """Set seeds, deterministic operations and the precision; call it before a model is built.

    Returns:
        The Keras dtype policy in force.

    Raises:
        InputError: the clock is before 1980, which a model's file, a zip archive, can't have.
    """
    if (now := time.localtime()).tm_year < 1980:
        raise InputError(f"the clock of this machine says {now.tm_year}: set it, and start again")
    keras.utils.set_random_seed(train.seed)
    tf.config.experimental.enable_op_determinism()
    precision = train.precision if train.precision != "auto" else fastest_precision()
    keras.config.set_dtype_policy(precision)
    return precision


def built(
    build: Callable[[RecipeT, Spec], keras.Model], recipe: RecipeT, spec: Spec, train: Train
) -> keras.Model:
    """Build a model after `prepare`, if this machine can hold its training.

    Raises:
        InputError: the memory does not suffice.
    """
    # Without values the variables take no memory, however many there are.
    with keras.StatelessScope(initialize_variables=False):
        model = build(recipe, spec)
    outputs = sum(prod(layer.output.shape[1:]) for layer in model.layers)
    # At least: weights, gradients and one moment in float32; what the layers give in 16 bits.
    needed = 3 * 4 * model.count_params() + 2 * train.batch_size * outputs
    memory.require(
        needed,
        f"params.yaml: a training of {model.name}, of {model.count_params():,} parameters, by "
        f"batches of {train.batch_size}",
        f"lower train.batch_size or the size of {model.name}",
    )
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(train.seed)
    return build(recipe, spec)


def fastest_precision() -> str:
    """Return mixed_bfloat16 where the GPU, or else the processor, computes in it; else float32."""
    if gpus := tf.config.list_physical_devices("GPU"):
        capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability")
        return "mixed_bfloat16" if capability and capability >= (8, 0) else "float32"
    return "mixed_bfloat16" if processor.kind() in processor.MULTIPLIES_BFLOAT16 else "float32"


def fit(
    model: keras.Model,
    train_split: Split,
    validation: Split,
    train: Train,
    recipe: Recipe,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoint: Path | None = None,
) -> pd.DataFrame:
    """Train `model` in place.

    Args:
        model: images -> class probabilities.
        train_split: what the model learns from.
        validation: what the model is measured on after each epoch; it decides nothing.
        train: the section `train`.
        recipe: the section of the model.
        callbacks: of Keras, that observe the training and may stop it. Their model is the
            `ensemble.learner`.
        checkpoint: a file, written after each epoch, from which a call with the same arguments goes
            on after the last whole epoch, and ends with the same bytes.

    Returns:
        One row per epoch: epoch (from 1), train_accuracy, val_accuracy, train_loss, val_loss. The
        train_ values are means over the epoch, with flips and dropout.

    Raises:
        InputError: the loss is not a number, or the memory does not suffice.
    """
    steps = ceil(len(train_split.labels) / train.batch_size)
    optimizer = {"adamw": keras.optimizers.AdamW, "muon": Muon}[recipe.optimizer]
    learning_rate = _learning_rate(recipe, steps * train.epochs)
    learner, loss, accuracy = ensemble.learner(model, recipe.label_smoothing)
    learner.compile(
        optimizer(learning_rate, weight_decay=recipe.weight_decay),
        loss,
        metrics=[accuracy],
        jit_compile=False,  # XLA is two to three times slower on processors
    )
    done = pd.DataFrame()
    if checkpoint:
        done = restore(learner, checkpoint)
        callbacks = [Checkpoint(checkpoint, done), *callbacks]
    try:
        history = learner.fit(
            _batches(train_split, train, recipe, len(done)),
            steps_per_epoch=steps,
            initial_epoch=len(done),
            epochs=train.epochs,
            validation_data=(validation.images, _one_hot(validation)),
            validation_batch_size=1000,
            callbacks=[StopAtNaN(), ProgressBar(len(train_split.labels), train), *callbacks],
            shuffle=False,
            verbose=0,
        )
    except (MemoryError, tf.errors.ResourceExhaustedError):
        raise InputError(
            f"not enough memory to train {model.name}, of {model.count_params():,} parameters, by "
            f"batches of {train.batch_size}: lower train.batch_size or the size of {model.name} in "
            "params.yaml"
        ) from None
    logs = pd.concat([done, pd.DataFrame(history.history)], ignore_index=True)
    table = logs.rename(columns={"accuracy": "train_accuracy", "loss": "train_loss"}).round(5)
    table.insert(0, "epoch", range(1, len(table) + 1))
    last, chance = table["val_accuracy"].iloc[-1], _chance(validation)
    if last <= chance:
        progress.say(
            f"{model.name}: val_accuracy {last:.4f} is chance level, it has learned nothing; lower "
            "learning_rate or weight_decay, or see whether the labels fit the images"
        )
    return table[[*tables.HISTORY]]


def summarize(model: keras.Model, history: pd.DataFrame, precision: str) -> dict:
    """Return what metrics/train_MODEL.json says: the last epoch, the size, how it computed.

    `onednn` is the value of TF_ENABLE_ONEDNN_OPTS, "1" or "0"; "auto" where TensorFlow decided.
    The number of cores decides in which order sums are added, and so the last bits of a weight.
    """
    last = history.iloc[-1].drop("epoch").to_dict()
    return {
        model.name: {
            **last,
            "parameters": model.count_params(),
            "precision": precision,
            "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "auto"),
            "cores": concurrency.cores(),
        }
    }


def _chance(split: Split) -> float:
    """Return the accuracy that guessing reaches: the largest class's share, and two deviations."""
    count = len(split.labels)
    share = np.bincount(split.labels).max() / count
    return share + 2 * np.sqrt(share * (1 - share) / count)


def _learning_rate(
    recipe: Recipe, steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if recipe.schedule == "constant":
        return recipe.learning_rate
    if recipe.schedule == "linear":
        return keras.optimizers.schedules.PolynomialDecay(recipe.learning_rate, steps, 0.0)
    # The rate rises for a fifth of the steps, because large first steps would ruin the training.
    warmup = steps // 5
    return keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, warmup_target=recipe.learning_rate, warmup_steps=warmup
    )


def _batches(
    split: Split, train: Train, recipe: Recipe, skipped_epochs: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield shuffled batches without end: images, flipped at random, and one-hot labels.

    Images whose mirror image belongs to another class are not flipped, whatever the recipe says.
    """
    is_flipped = recipe.flip and split.spec.mirror_keeps_class
    rng = np.random.default_rng(train.seed)
    count = len(split.labels)
    targets = _one_hot(split)
    mirrored = rng.random((count, 1, 1, 1)) < 0.5
    for epoch in itertools.count():
        order = rng.permutation(count)
        for start in range(0, count, train.batch_size) if epoch >= skipped_epochs else ():
            chosen = order[start : start + train.batch_size]
            images = split.images[chosen]
            if is_flipped:
                images = np.where(mirrored[chosen], images[:, :, ::-1], images)
            yield images, targets[chosen]
        # Each image alternates between itself and its mirror, so two epochs show both.
        mirrored = ~mirrored


def _one_hot(split: Split) -> np.ndarray:
    return np.eye(len(split.spec.classes), dtype=np.float32)[split.labels]
