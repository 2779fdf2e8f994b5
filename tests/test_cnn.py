import numpy as np
import pytest
from conftest import ROOT, SPEC, made_images
from ruamel.yaml import YAML

from fashion_mnist.params.cnn import CNN
from fashion_mnist.training import cnn
from fashion_mnist.training.prediction import predict
from fashion_mnist.training.tf_keras import keras

SHIPPED = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")["cnn"]
# What the plain networks of published projects are, beside their sizes.
PUBLISHED = {
    "padding": "valid",
    "pool_after": [1, 2],
    "batch_normalization": False,
    "head": "flatten",
    "dense_units": [128],
}


def cnn_params(**changes) -> CNN:
    return CNN(**{**SHIPPED, **changes})


@pytest.fixture(autouse=True)
def _float32():
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("float32")


def test_published_dropout_comes_before_each_pooling_and_behind_the_dense_layer():
    settings = {"filters": [32, 64], "conv_dropout_rate": 0.4, "dropout_rate": 0.5}
    model = cnn.build(cnn_params(**PUBLISHED | settings), SPEC)
    kinds = [(type(layer).__name__, getattr(layer, "rate", None)) for layer in model.layers]
    block = [("Conv2D", None), ("Dropout", 0.4), ("MaxPooling2D", None), ("ReLU", None)]
    head = [
        ("Flatten", None),
        ("Dense", None),
        ("Dropout", 0.5),
        ("Dense", None),
        ("Softmax", None),
    ]
    assert kinds == [("InputLayer", None), *block, *block, *head]


def test_pooling_before_relu_gives_the_same_numbers_as_after():
    ours = cnn.build(cnn_params(**PUBLISHED | {"filters": [8, 8], "dense_units": []}), SPEC)
    layers = keras.layers
    usual = keras.Sequential(
        [
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    usual.build((None, 28, 28, 1))
    usual.set_weights(ours.get_weights())
    images = made_images(20, seed=3)[0][..., None] / np.float32(255)
    np.testing.assert_allclose(predict(ours, images), predict(usual, images), rtol=1e-5)
