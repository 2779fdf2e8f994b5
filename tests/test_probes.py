"""The probes find what is in activations, and nothing where nothing is."""

import numpy as np
import pytest
from conftest import SPEC, made_images

from fashion_mnist.dataset.splits import Split
from fashion_mnist.evaluation import probe_plot, probes
from fashion_mnist.training import layer_probes
from fashion_mnist.training.tf_keras import keras

pytestmark = pytest.mark.slow
COUNT = 600
IMAGES, LABELS = made_images(COUNT, seed=4)
IMAGES = IMAGES[..., None] / np.float32(255)
HALVES = probes.split(COUNT)
NOISE = np.random.default_rng(1).normal(size=(COUNT, 6, 6, 8)).astype(np.float32)


def units_that_tell(classes: int, units: int = 20) -> np.ndarray:
    """Activations (n, 4, 4, units) whose first units each tell one class; the others are noise."""
    rng = np.random.default_rng(2)
    activations = rng.normal(size=(COUNT, 4, 4, units)).astype(np.float32)
    for label in range(classes):
        activations[label == LABELS, :, :, label] += 3
    return activations


def test_the_images_fit_or_measure_and_never_both():
    assert len(HALVES.held_out) == COUNT // 5
    assert sorted([*HALVES.fit, *HALVES.held_out]) == list(range(COUNT))


def test_a_layer_that_is_the_image_gives_it_back_and_noise_does_not():
    def share(activations: np.ndarray) -> dict[str, float]:
        return probes.image_share(probes.reduce(activations, HALVES), IMAGES, HALVES)

    assert share(3 * IMAGES + 1)["share"] > 0.6
    assert share(NOISE)["share"] < 0.05
    found = share(IMAGES)
    assert found["low"] < found["share"] < found["high"]


def test_a_probe_tells_classes_only_where_they_are():
    def accuracy(activations: np.ndarray) -> float:
        return probes.class_accuracy(probes.reduce(activations, HALVES), LABELS, HALVES)["accuracy"]

    assert accuracy(units_that_tell(10)) > 0.95
    assert accuracy(NOISE) < 0.25


@pytest.mark.parametrize("units", [20, 40])
def test_the_units_that_tell_the_classes_are_counted(units):
    found = probes.units_for_classes(units_that_tell(10, units), LABELS, HALVES)
    # Nine tenths of the signal of ten equal units.
    assert found["units"] in (8, 9, 10)
    assert found["units_share"] == found["units"] / units
    assert found["units_accuracy"] > 0.95


def test_every_layer_is_reduced_to_as_many_dimensions():
    wide = np.random.default_rng(3).normal(size=(COUNT, 2000)).astype(np.float32)
    assert probes.reduce(wide, HALVES).shape == (COUNT, probes.DIMENSIONS)


@pytest.fixture(scope="module")
def model():
    layers = keras.layers
    inputs = keras.Input((28, 28, 1))
    x = layers.ReLU(name="relu1")(layers.Conv2D(4, 5, strides=4)(inputs))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(10, name="logits")(x)
    return keras.Model(inputs, layers.Softmax()(x))


def test_the_layers_of_a_model_are_probed_in_order_and_drawn(model, tmp_path):
    split = Split(IMAGES, LABELS, SPEC)
    untrained = layer_probes.untrained(model)
    found = {
        "trained": layer_probes.measure(model, split),
        "untrained": layer_probes.measure(untrained, split),
    }
    for layers in found.values():
        assert list(layers) == ["input", "relu1", "features"]
        assert layers["input"]["units"] is None
        assert 0 < layers["relu1"]["active_share"] < 1
        assert layers["features"]["active_share"] is None
    assert found["trained"] != found["untrained"]
    assert layer_probes.measure(layer_probes.untrained(model), split) == found["untrained"]
    for name in ("one.png", "two.png"):
        probe_plot.layer_probes(tmp_path / name, {"A model": found, "The same": found})
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
