"""How fast training is: `python -m benchmarks.speed` writes docs/speed.md.

The network of params.yaml trains in turn as Keras would train it and as the workflow does, so that
a noisy machine slows all alike; and convolutions run alone, for the processor's best rate.
"""

import functools
import os
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np

import stages
from benchmarks.train import Stopwatch
from fashion_mnist import dataset, files, models, params, training
from fashion_mnist.backend import keras, tf
from fashion_mnist.dataset import Split

IMAGES, ROUNDS, REPEATS = 20_000, 3, 20
TEXT = """# How fast training is

Made by `python -m benchmarks.speed` on {cores} cores: the network of `params.yaml`, batches of
{batch}, the second epoch of {images:,} images, {rounds} rounds in turn, median (lowest to highest).

| training | images/s | against plain Keras |
|---|---|---|
{table}

Plain Keras: the same network in stock layers, AdamW, `fit` on arrays. All run with
TensorFlow's deterministic operations.

Where the time of a step goes, in the precision `auto`, the first three each run alone, median
of {repeats}; the rest is what remains of a whole step: batches, accuracy, Keras's loop.

| part of a step | ms | share |
|---|---|---|
{parts}

The best rate that a convolution alone reaches here (forward, bfloat16, the best of {shapes}
shapes) is {best:.0f} GFLOP/s. Training in the precision `auto` sustains {sustained:.0f} GFLOP/s,
{share:.0%} of it, counting only the convolutions: forward, and twice that backward.
"""
# Height and width, channels in, channels out: from what the networks here do to what suits a chip.
SHAPES = [(28, 32, 32), (14, 32, 64), (14, 64, 64), (7, 128, 128), (7, 256, 256), (14, 256, 256)]


def images_per_second(fit: Callable[[Stopwatch], None]) -> float:
    """Return the rate of the second epoch; `fit` takes a callback."""
    stopwatch = Stopwatch()
    fit(stopwatch)
    first, second = stopwatch.seconds
    return IMAGES / (second - first)


def plain(split: Split, settings: params.Params, stopwatch: Stopwatch) -> None:
    training.prepare(settings.train.model_copy(update={"precision": "float32"}))
    model = models.plain(models.cnn(settings.cnn))
    model.compile("adamw", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        *split,
        batch_size=settings.train.batch_size,
        epochs=2,
        validation_data=(split.images[:100], split.labels[:100]),
        callbacks=[stopwatch],
        verbose=0,
    )


def ours(split: Split, settings: params.Params, precision: str, stopwatch: Stopwatch) -> None:
    train = settings.train.model_copy(update={"precision": precision, "epochs": 2})
    training.prepare(train)
    model = models.cnn(settings.cnn)
    few = Split(split.images[:100], split.labels[:100])
    training.fit(model, split, few, train, settings.cnn, [stopwatch])


def unfused(split: Split, settings: params.Params, stopwatch: Stopwatch) -> None:
    stock = functools.partial(keras.layers.BatchNormalization, momentum=0.6, epsilon=1e-5)
    with mock.patch.object(models, "FusedBatchNormalization", stock):
        ours(split, settings, "auto", stopwatch)


def parts_of_a_step(split: Split, settings: params.Params) -> dict[str, float]:
    """Return the seconds that the parts of a training step take, each run alone."""
    train = settings.train.model_copy(update={"epochs": 1})
    training.prepare(train)
    model = models.cnn(settings.cnn)
    few = Split(split.images[: train.batch_size], split.labels[: train.batch_size])
    training.fit(model, few, few, train, settings.cnn)  # compiles the model, builds the optimizer
    images = tf.constant(few.images)
    targets = tf.one_hot(few.labels, len(dataset.CLASS_NAMES))

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
    there, there_and_back = median_seconds(forward), median_seconds(gradients)
    return {
        "forward": there,
        "backward": there_and_back - there,
        "optimizer": median_seconds(lambda: update(computed)),
    }


def median_seconds(work: Callable[[], object]) -> float:
    work()  # traces
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds))


def convolution_flops(model: keras.Model) -> int:
    """Return the floating-point operations of the convolutions for one image, forward."""
    return sum(
        2 * int(np.prod(layer.kernel.shape)) * int(np.prod(layer.output.shape[1:3]))
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D)
    )


def best_rate() -> float:
    """Return the most operations a second that a convolution reaches, forward, in bfloat16."""
    convolve = tf.function(lambda images, kernel: tf.nn.conv2d(images, kernel, 1, "SAME"))
    rates = []
    for side, channels, filters in SHAPES:
        images = tf.cast(tf.random.normal((256, side, side, channels)), tf.bfloat16)
        kernel = tf.cast(tf.random.normal((3, 3, channels, filters)), tf.bfloat16)
        seconds = []
        for _ in range(10):
            started = time.perf_counter()
            convolve(images, kernel).numpy()
            seconds.append(time.perf_counter() - started)
        rates.append(2 * 256 * side**2 * 9 * channels * filters / min(seconds))
    return max(rates)


def main() -> None:
    settings = params.load("train", "cnn")
    split = Split(*(array[:IMAGES] for array in dataset.load(Path("data/train"))))
    ways = {
        "plain Keras, float32": lambda watch: plain(split, settings, watch),
        "the workflow, float32": lambda watch: ours(split, settings, "float32", watch),
        "the workflow, auto, Keras's batch normalisation": lambda watch: unfused(
            split, settings, watch
        ),
        "the workflow, auto": lambda watch: ours(split, settings, "auto", watch),
    }
    rates = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, fit in ways.items():
            rates[name].append(images_per_second(fit))
    baseline, *_, fastest = (np.array(values) for values in rates.values())
    lines = []
    for name, values in rates.items():
        ratios = values / baseline
        lines.append(
            f"| {name} | {np.median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f}) | "
            f"{np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f}) |"
        )
    parts = parts_of_a_step(split, settings)
    step = settings.train.batch_size / np.median(fastest)
    parts["the rest"] = step - sum(parts.values())
    flops = 3 * convolution_flops(models.cnn(settings.cnn))
    best, sustained = best_rate() / 1e9, float(np.median(fastest)) * flops / 1e9
    text = TEXT.format(
        cores=os.cpu_count(),
        batch=settings.train.batch_size,
        images=IMAGES,
        rounds=ROUNDS,
        table="\n".join(lines),
        parts="\n".join(
            f"| {name} | {1000 * seconds:.1f} | {seconds / step:.0%} |"
            for name, seconds in parts.items()
        ),
        repeats=REPEATS,
        shapes=len(SHAPES),
        best=best,
        sustained=sustained,
        share=sustained / best,
    )
    files.write_bytes(Path("docs/speed.md"), text.encode())


if __name__ == "__main__":
    stages.run(main)
