"""Measure how fast training is, for docs/speed.md: `python -m benchmarks.speed`.

The CNN of params.yaml trains as plain Keras would train it and as the workflow does. The ways take
turns, so a noisy machine slows all of them alike. Each runs in its own process, because TensorFlow
reads its settings only once. Then the parts of a step run alone, and single convolutions, which
show the processor's best rate.
"""

import argparse
import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np

from benchmarks import by_processor, cost, measured
from benchmarks.steps import Steps
from fashion_mnist import command, files
from fashion_mnist.dataset import splits
from fashion_mnist.errors import InputError
from fashion_mnist.params.cnn import CNN
from fashion_mnist.params.dataset import Dataset
from fashion_mnist.params.train import Train
from fashion_mnist.training import cnn, fit, model_file, processor
from fashion_mnist.training.batch_normalization import FusedBatchNormalization
from fashion_mnist.training.tf_keras import keras, tf

STEPS, ROUNDS, REPEATS = 15, 3, 20
WAYS = {
    "plain": "plain Keras, float32, oneDNN where TensorFlow chooses it",
    "without_onednn": "the workflow, float32, without oneDNN",
    "float32": "the workflow, float32",
    "mixed_bfloat16": "the workflow, mixed_bfloat16",
    "unfused": "the workflow, Keras's batch normalization",
    "workflow": "the workflow",
}
TEXT = """# How fast training is

Made by `python -m benchmarks.speed`. The CNN of `params.yaml` trains in batches of {batch}. Each
way is measured {rounds} times, taking turns. A cell has images per second, median (lowest to
highest), and the ratio to the first line in the same round. {machines}

{rates}

Plain Keras is the same model in stock layers, with AdamW and `fit` on arrays. All ways run
TensorFlow's deterministic operations. Lines without a precision use the one that `train.precision:
auto` chooses: {precisions}.

The next table has the parts of a step in milliseconds. The step and its first three parts each run
alone, in turn, median of {repeats}. The rest is the remainder of the step: the accuracy, and
Keras's own work.

{parts}

The best rate of a single convolution (forward, in the same precision, the best of {shapes} shapes),
and the rate that a whole step sustains, counting only its multiply-adds (two operations each):

{sustained}
"""
# Side, channels in, channels out: from the shapes of the CNN to shapes that suit a processor.
SHAPES = [(28, 32, 32), (14, 32, 64), (14, 64, 64), (7, 128, 128), (7, 256, 256), (14, 256, 256)]


def rate(way: str) -> float:
    """Return the images per second of a way, in this process.

    Raises:
        tf.errors.AbortedError: oneDNN may not use the bfloat16 that the processor has.
    """
    recipe = CNN.load()
    precision = {"unfused": "auto", "workflow": "auto", "mixed_bfloat16": way}.get(way, "float32")
    train = Train.load().model_copy(update={"epochs": 1, "precision": precision})
    split = splits.load(Path("data/train")).take(np.arange(STEPS * train.batch_size))
    few = split.take(np.arange(100))
    steps = Steps()
    fit.prepare(train)
    if way == "plain":
        model = model_file.plain(cnn.build(recipe, few.spec))
        model.compile("adamw", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(
            split.images, split.labels, batch_size=train.batch_size, callbacks=[steps], verbose=0
        )
        return train.batch_size / steps.median()
    stock = functools.partial(keras.layers.BatchNormalization, momentum=0.6, epsilon=1e-5)
    layer = stock if way == "unfused" else FusedBatchNormalization
    with mock.patch.object(cnn, "FusedBatchNormalization", layer):
        fit.fit(cnn.build(recipe, few.spec), split, few, train, recipe, [steps])
    return train.batch_size / steps.median()


def rates() -> dict[str, list[float]]:
    """Return the rates of all ways, one per round, each from its own process; 0 where it failed."""
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(ROUNDS):
        for way in WAYS:
            onednn = {"plain": _as_tensorflow_chooses(), "without_onednn": "0"}.get(way, "1")
            environment = {**os.environ, "QUIET": "1", "TF_ENABLE_ONEDNN_OPTS": onednn}
            measure_way = [sys.executable, "-m", "benchmarks.speed", "--way", way]
            done = subprocess.run(measure_way, env=environment, stdout=subprocess.PIPE)
            if done.returncode:
                raise InputError(f"{' '.join(measure_way)}: exit status {done.returncode}")
            found[way].append(json.loads(done.stdout))
    return found


def _as_tensorflow_chooses() -> str:
    fast = {"avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16"}
    is_limited = " on " in processor.describe()["kind"]  # to a kind without these flags
    return "1" if fast & processor.flags() and not is_limited else "0"


def parts_of_a_step() -> dict[str, float]:
    """Return the seconds of a training step and of its parts, each run alone."""
    recipe = CNN.load()
    train = Train.load().model_copy(update={"epochs": 1})
    fit.prepare(train)
    few = splits.load(Path("data/train")).take(np.arange(train.batch_size))
    model = cnn.build(recipe, few.spec)
    fit.fit(model, few, few, train, recipe)  # compiles the model, builds the optimizer
    images = tf.constant(few.images)
    targets = tf.one_hot(few.labels, len(few.spec.classes))

    @tf.function
    def forward() -> tf.Tensor:
        return model.compute_loss(images, targets, model(images, training=True))

    @tf.function
    def gradients() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = forward()
        return tape.gradient(loss, model.trainable_variables)

    @tf.function
    def update(steps: list[tf.Tensor]) -> None:
        model.optimizer.apply(steps, model.trainable_variables)

    computed = gradients()
    works: dict[str, Callable[[], object]] = {
        "forward": forward,
        "gradients": gradients,
        "optimizer": lambda: update(computed),
        "step": lambda: model.train_on_batch(images, targets),
    }
    # In turn, so a noisy machine slows all of them alike. The first round traces.
    rounds = [{name: seconds(work) for name, work in works.items()} for _ in range(REPEATS + 1)]
    found = {name: float(np.median([each[name] for each in rounds[1:]])) for name in works}
    found["backward"] = found.pop("gradients") - found["forward"]
    return found


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def best_rate(precision: str) -> float:
    """Return the highest rate of a convolution, forward, in operations per second."""
    dtype = tf.bfloat16 if precision == "mixed_bfloat16" else tf.float32
    convolve = tf.function(lambda images, kernel: tf.nn.conv2d(images, kernel, 1, "SAME"))
    found = []
    for side, channels, filters in SHAPES:
        images = tf.cast(tf.random.normal((256, side, side, channels)), dtype)
        kernel = tf.cast(tf.random.normal((3, 3, channels, filters)), dtype)
        work = functools.partial(convolve, images, kernel)
        fastest = min(seconds(work) for _ in range(10))
        found.append(2 * 256 * side**2 * 9 * channels * filters / fastest)
    return max(found)


def measure() -> None:
    """Measure everything and write this processor's file."""
    images_per_second = rates()
    parts = parts_of_a_step()
    train = Train.load()
    precision = fit.prepare(train)
    by_processor.write(
        "speed",
        {
            "precision": precision,
            "batch_size": train.batch_size,
            "images_per_second": images_per_second,
            "parts_seconds": parts,
            "multiply_adds_per_image": cost.training(cnn.build(CNN.load(), Dataset.load()), 1, 1),
            "best_operations_per_second": best_rate(precision),
        },
        *measured.TRAINING,
    )


def document(found: dict[str, dict]) -> str:
    """Return docs/speed.md, from what was measured by kind of processor."""
    kinds = list(found)
    table: dict[str, list[str]] = {}
    for way, name in WAYS.items():
        table[name] = []
        for of_kind in found.values():
            values = np.array(of_kind["images_per_second"][way])
            baseline = np.array(of_kind["images_per_second"]["plain"])
            ratio = by_processor.middle(values / baseline, 2)
            shown = f"{by_processor.middle(values)}; {ratio}" if values.all() else "fails"
            table[name].append(shown)
    parts: dict[str, list[str]] = {name: [] for name in ("forward", "backward", "optimizer")}
    parts["the rest"] = []
    sustained: dict[str, list[str]] = {"best": [], "sustained": [], "share": []}
    for of_kind in found.values():
        fastest = float(np.median(of_kind["images_per_second"]["workflow"]))
        known = dict(of_kind["parts_seconds"])
        step = known.pop("step")
        for name, part in {**known, "the rest": step - sum(known.values())}.items():
            parts[name].append(f"{1000 * part:.0f} ({part / step:.0%})")
        best = of_kind["best_operations_per_second"]
        reached = 2 * of_kind["multiply_adds_per_image"] * fastest
        sustained["best"].append(f"{best / 1e9:.0f} GFLOP/s")
        sustained["sustained"].append(f"{reached / 1e9:.0f} GFLOP/s")
        sustained["share"].append(f"{reached / best:.0%}")
    return TEXT.format(
        batch=next(iter(found.values()))["batch_size"],
        rounds=ROUNDS,
        machines=by_processor.machines(found),
        rates=by_processor.table("training", table, kinds),
        precisions=", ".join(f"{m['precision']} with {kind}" for kind, m in found.items()),
        repeats=REPEATS,
        parts=by_processor.table("part of a step", parts, kinds),
        shapes=len(SHAPES),
        sustained=by_processor.table("rate", sustained, kinds),
    )


def main(way: str | None) -> None:
    tf.config.set_visible_devices([], "GPU")  # the columns are processors
    if way:
        try:
            print(json.dumps(rate(way)))
        except tf.errors.AbortedError:
            print(json.dumps(0.0))
        return
    measure()
    files.write_bytes(Path("docs/speed.md"), document(by_processor.read("speed")).encode())


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("--way", choices=WAYS, help="measure one way once and print its rate")
    return parser


if __name__ == "__main__":
    command.run(main, parser())
