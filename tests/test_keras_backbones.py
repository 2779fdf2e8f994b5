"""Networks of keras.applications as the frozen network, from a file of weights."""

import hashlib

import numpy as np
import pytest

from fashion_mnist.errors import InputError
from fashion_mnist.inference.photograph_model import PhotographModel
from fashion_mnist.params.photographs import Backbone, Weights
from fashion_mnist.training import keras_backbones, photograph_graph
from fashion_mnist.training.tf_keras import keras

SIDE = 64
SCALED = ("MobileNetV2", "ResNet50V2")  # read levels from -1 to 1
PHOTOGRAPHS = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.uint8)


def made_network(name: str):
    """Return a network with random weights, normalizations included."""
    keras.utils.set_random_seed(0)
    kind = keras_backbones.KINDS[name]
    model = kind.build(include_top=False, weights=None, input_shape=(SIDE, SIDE, 3), pooling="avg")
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            shape = layer.gamma.shape
            parts = rng.uniform(0.8, 1.2, shape), rng.normal(0, 0.1, shape)
            layer.set_weights([*parts, rng.normal(0, 0.1, shape), rng.uniform(0.5, 1.5, shape)])
    return model


@pytest.mark.slow
@pytest.mark.parametrize("name", keras_backbones.KINDS)
def test_the_graph_computes_what_keras_computes(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = made_network(name)
    (tmp_path / "mirror").mkdir()
    file = tmp_path / "mirror" / "made.weights.h5"
    model.save_weights(file)
    weights = Weights(
        file=file.name,
        sources=["nowhere", "mirror"],
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
    )
    backbone = Backbone(name=name, side=SIDE, weights=weights)
    content = photograph_graph.to_onnx(backbone, head=None).SerializeToString()
    assert (tmp_path / "data/weights" / file.name).read_bytes() == file.read_bytes()
    scaled = PHOTOGRAPHS / 127.5 - 1 if name in SCALED else PHOTOGRAPHS.astype(np.float32)
    expected = model.predict(scaled, verbose=0)
    roots = PhotographModel(content).features(PHOTOGRAPHS)
    found = np.sign(roots) * roots**2
    # A hundred layers of random weights amplify the rounding; a wrong layer changes everything.
    np.testing.assert_allclose(found, expected, atol=5e-3 * np.abs(expected).max())

    file.unlink()  # what was fetched stays
    assert photograph_graph.to_onnx(backbone, head=None).SerializeToString() == content


def test_weights_that_are_none_are_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.h5").write_bytes(b"no weights")
    weights = {"file": "a.h5", "sources": ["."]}
    sha256 = hashlib.sha256(b"no weights").hexdigest()
    for digest, complaint in (
        ("0" * 64, rf"no source has a.h5: .: a.h5 has SHA-256 {sha256}, expected 0000"),
        (sha256, r"data/weights/a.h5: not weights of MobileNetV2 without its top"),
    ):
        backbone = Backbone(
            name="MobileNetV2", side=SIDE, weights=Weights(**weights, sha256=digest)
        )
        with pytest.raises(InputError, match=complaint):
            photograph_graph.to_onnx(backbone, head=None)


def test_only_networks_of_keras_have_weights_of_their_own():
    with pytest.raises(ValueError, match="name = 'ResNet50V2': expected weights"):
        Backbone(name="ResNet50V2", side=SIDE)
