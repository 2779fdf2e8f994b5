"""What each layer of a model holds of the image and of its class."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fashion_mnist import progress
from fashion_mnist.concurrency import one_blas_thread
from fashion_mnist.dataset.splits import Split
from fashion_mnist.evaluation import probes
from fashion_mnist.training import activations
from fashion_mnist.training.tf_keras import keras


@one_blas_thread
def measure(model: keras.Model, split: Split) -> dict[str, dict[str, Any]]:
    """Probe the input, every ReLU behind a convolution, and the input of the last dense layer.

    Args:
        model: with layers as `activations.relu_layers` expects them.
        split: images that the model was not trained on.

    Returns:
        For each layer, in order: image, as `probes.image_share` returns it; class, as
        `probes.class_accuracy` returns it; units, units_share and units_accuracy, as
        `probes.units_for_classes` returns them, None for the input, which has one unit; and
        active_share, the share of positions above zero, None where no ReLU precedes.
    """
    halves = probes.split(len(split.labels))
    relus = activations.relu_layers(model)
    measured = {}
    for name, outputs in _layers(model, split.images):
        progress.say(f"probe_layers: {name} for {len(split.labels):,} validation images")
        reduced = probes.reduce(outputs, halves)
        measured[name] = {
            "image": probes.image_share(reduced, split.images, halves),
            "class": probes.class_accuracy(reduced, split.labels, halves),
            **_units(outputs, split.labels, halves),
            "active_share": float((outputs > 0).mean()) if name in relus else None,
        }
    return measured


def _units(
    outputs: np.ndarray, labels: np.ndarray, halves: probes.Halves
) -> dict[str, float | None]:
    if outputs.shape[-1] == 1:
        return {"units": None, "units_share": None, "units_accuracy": None}
    return probes.units_for_classes(outputs, labels, halves)


def _layers(model: keras.Model, images: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    yield "input", images
    for name in activations.relu_layers(model):
        yield name, activations.of_layer(model, name, images)
    last_dense = model.get_layer("logits")
    features = keras.Model(model.input, last_dense.input)
    yield "features", features.predict(images, batch_size=500, verbose=0)


def untrained(model: keras.Model) -> keras.Model:
    """Return the same model with the random weights that a training begins with."""
    progress.say("probe_layers: the same of an untrained network")
    keras.utils.set_random_seed(0)
    return keras.models.clone_model(model)
