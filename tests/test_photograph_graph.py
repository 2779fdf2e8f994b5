"""The model of photographs: weights without PyTorch, the network, and its head, as one graph."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from conftest import made_head

from fashion_mnist.errors import InputError
from fashion_mnist.inference.photograph_model import PhotographModel
from fashion_mnist.params.photographs import Backbone
from fashion_mnist.training import efficientnet_lite, photograph_graph, torch_weights
from fashion_mnist.training.tf_keras import keras

BACKBONE = Backbone(name="efficientnet_lite0", side=64)
PHOTOGRAPHS = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    return torch_weights.read(efficientnet_lite.weights_path())


@pytest.fixture(scope="module")
def network() -> bytes:
    return photograph_graph.to_onnx(BACKBONE, head=None).SerializeToString()


def test_the_network_computes_what_keras_computes_from_the_same_weights(weights, network):
    layers = keras.layers

    def normalized(x, name):
        parts = [weights[f"{name}.{part}"] for part in ("weight", "bias")]
        parts += [weights[f"{name}.running_{part}"] for part in ("mean", "var")]
        layer = layers.BatchNormalization(epsilon=1e-3, dtype="float32")
        x = layer(x)
        layer.set_weights(parts)
        return x

    def convolved(x, name, bn, stride=1, activate=True):
        kernel = weights[f"{name}.weight"]
        options = {"strides": stride, "padding": "same", "use_bias": False, "dtype": "float32"}
        if "depthwise" in name:
            layer, order = layers.DepthwiseConv2D(kernel.shape[2], **options), (2, 3, 0, 1)
        else:
            layer, order = layers.Conv2D(len(kernel), kernel.shape[2], **options), (2, 3, 1, 0)
        x = layer(x)
        layer.set_weights([kernel.transpose(order)])
        x = normalized(x, bn)
        return layers.ReLU(6, dtype="float32")(x) if activate else x

    inputs = keras.Input((64, 64, 3), dtype="float32")
    x = convolved(inputs, "_conv_stem", "_bn0", 2)
    strides = {1: 2, 3: 2, 5: 2, 11: 2}
    for block in range(16):
        shortcut, name = x, f"_blocks.{block}."
        if block:
            x = convolved(x, f"{name}_expand_conv", f"{name}_bn0")
        if block == 11:
            middle = x
        x = convolved(x, f"{name}_depthwise_conv", f"{name}_bn1", strides.get(block, 1))
        x = convolved(x, f"{name}_project_conv", f"{name}_bn2", activate=False)
        if x.shape == shortcut.shape:
            x = layers.Add(dtype="float32")([x, shortcut])
    last = convolved(x, "_conv_head", "_bn1")
    pooled = [layers.GlobalAveragePooling2D(dtype="float32")(part) for part in (last, middle)]
    oracle = keras.Model(inputs, layers.Concatenate(dtype="float32")(pooled))
    expected = np.sqrt(oracle.predict((PHOTOGRAPHS - 127.0) / 128, verbose=0))
    np.testing.assert_allclose(PhotographModel(network).features(PHOTOGRAPHS), expected, atol=2e-3)


def test_the_graph_answers_as_its_head_does_and_has_the_same_bytes_again(network):
    identity = photograph_graph.identity(BACKBONE)
    head = made_head(identity, units=1952)
    content = photograph_graph.to_onnx(BACKBONE, head).SerializeToString()
    assert content == photograph_graph.to_onnx(BACKBONE, head).SerializeToString()
    own = PhotographModel(content)(PHOTOGRAPHS)
    given = PhotographModel(network, head)(PHOTOGRAPHS)
    np.testing.assert_allclose(own.probabilities, given.probabilities, atol=1e-5)
    np.testing.assert_allclose(own.similarities, given.similarities, atol=1e-5)
    assert own.similarities.shape == (3,)
    alone = PhotographModel(content)(PHOTOGRAPHS[:1])
    np.testing.assert_allclose(alone.probabilities, own.probabilities[:1], atol=1e-5)


def test_a_head_of_another_network_is_refused(network):
    head = made_head("efficientnet_lite0, 65 pixels, 579344248a93", units=1952)
    with pytest.raises(InputError, match=r"the head learned from .* 65 pixels.* 64 pixels"):
        PhotographModel(network, head)
    with pytest.raises(InputError, match=r"the head learned from .*; run `make photographs`"):
        photograph_graph.to_onnx(BACKBONE, head)


def test_the_weights_are_those_of_imagenet_classes(weights):
    assert len(weights) == 296
    assert weights["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert weights["_fc.weight"].shape == (1000, 1280)
    assert all(np.isfinite(tensor).all() for tensor in weights.values())


class Attack:
    def __reduce__(self):
        return Path.touch, (Path("attacked"),)


def test_a_pickle_that_calls_code_is_refused_and_calls_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pth"
    header = [torch_weights.MAGIC, torch_weights.PROTOCOL, {"little_endian": True}]
    path.write_bytes(b"".join(pickle.dumps(part) for part in [*header, Attack()]))
    with pytest.raises(InputError, match=r"weights.pth: not PyTorch weights .* is not allowed"):
        torch_weights.read(path)
    assert not Path("attacked").exists()


@pytest.mark.parametrize("size", [0, 100, 50_000, 1_000_000])
def test_damaged_weights_are_one_line(tmp_path, size):
    path = tmp_path / "weights.pth"
    path.write_bytes(efficientnet_lite.weights_path().read_bytes()[:size])
    with pytest.raises(InputError, match=r"weights.pth: not PyTorch weights of the old format"):
        torch_weights.read(path)


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_a_damaged_model_is_one_line(tmp_path, content):
    path = tmp_path / "photographs.onnx"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"not a model of photographs .* `dvc repro photographs`"):
        PhotographModel(path)
