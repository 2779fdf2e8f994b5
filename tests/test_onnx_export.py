import numpy as np
import onnx
import pytest
from conftest import made_images
from test_models import PUBLISHED, cnn_params

from fashion_mnist import calibration, conversion, dataset, models, params
from fashion_mnist.backend import keras
from fashion_mnist.classifier import Classifier
from fashion_mnist.errors import InputError

PIXELS, LABELS = made_images(300, seed=5)
IMAGES = PIXELS[..., None] / np.float32(255)


def trained(model: keras.Model) -> keras.Model:
    """With weights and statistics that are none of the initial ones."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        values = [w + 0.05 * rng.standard_normal(w.shape) for w in layer.get_weights()]
        if isinstance(layer, keras.layers.BatchNormalization):
            values[0][::2] *= -1  # pooling before a negative scale is not pooling after it
            values[3] = np.abs(values[3])
        layer.set_weights(values)
    return models.plain(model)


@pytest.mark.parametrize(
    "changes",
    [
        {"filters": [4, 6, 8], "pool_after": [1, 2]},
        {**PUBLISHED, "filters": [4, 6], "padding": ["same", "valid"], "conv_dropout_rate": 0.5},
        {"filters": [4, 6], "pool_after": [2], "head": "global_average_pooling", "kernel_size": 5},
    ],
    ids=["batch normalisation", "flattened", "averaged"],
)
def test_cnns_of_every_kind_answer_as_in_keras(changes, tmp_path):
    keras.utils.set_random_seed(0)
    network = trained(models.cnn(cnn_params(**changes)))
    answers_as_in_keras(network, tmp_path)


@pytest.mark.parametrize("hidden_units", [[16, 12], []])
def test_mlps_answer_as_in_keras(hidden_units, tmp_path):
    recipe = cnn_params().model_dump(include=params.Recipe.model_fields.keys())
    settings = {"hidden_units": hidden_units, "dropout_rate": 0.5, "optimizer": "adamw"}
    network = models.mlp(params.MLP(**settings, **recipe))
    answers_as_in_keras(trained(network), tmp_path)


def answers_as_in_keras(network: keras.Model, folder) -> None:
    path = folder / "network.onnx"
    path.write_bytes(conversion.to_onnx(network, 0.7, 0.5).SerializeToString())
    names = ("probabilities", "calibrated_probabilities", "features")
    own, calibrated, features = Classifier(path).outputs(names, PIXELS)
    expected = models.predict(network, IMAGES)
    np.testing.assert_allclose(own, expected, atol=1e-5)
    np.testing.assert_allclose(calibrated, calibration.apply(expected, 0.7), atol=1e-5)
    seen = keras.Model(network.input, network.get_layer("logits").input)
    np.testing.assert_allclose(features, seen.predict(IMAGES, verbose=0), atol=1e-4)
    assert conversion.to_onnx(network, 0.7, 0.5).SerializeToString() == path.read_bytes()


def test_a_layer_that_is_not_translated_is_named():
    inputs = keras.Input(dataset.IMAGE_SHAPE)
    x = keras.layers.LayerNormalization(name="odd")(inputs)
    x = keras.layers.Dense(10, name="logits")(keras.layers.Flatten()(x))
    with pytest.raises(InputError, match=r"layer odd: .*no LayerNormalization"):
        conversion.to_onnx(keras.Model(inputs, keras.layers.Softmax()(x)), 1.0, 0.5)


def test_parity_fails_by_distance_and_by_nan():
    expected = np.array([[0.6, 0.4], [0.2, 0.8]], np.float32)
    assert conversion.check_parity("cnn", expected, expected + np.float32(5e-5)) < 1e-4
    with pytest.raises(InputError, match=r"models/cnn.onnx: probabilities up to 0.001 "):
        conversion.check_parity("cnn", expected, expected + np.float32(1e-3))
    with pytest.raises(InputError, match="up to nan"):
        conversion.check_parity("cnn", expected, np.full_like(expected, np.nan))


def test_quantized_network_has_integer_convolutions_and_nearly_the_same_answers(exported):
    weights = {w.name: w for w in onnx.load(exported / "cnn_int8.onnx").graph.initializer}
    kinds = {
        weights[node.input[0]].data_type
        for node in onnx.load(exported / "cnn_int8.onnx").graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in weights
    }
    assert onnx.TensorProto.INT8 in kinds
    exact = Classifier(exported / "cnn.onnx")(PIXELS).probabilities
    rounded = Classifier(exported / "cnn_int8.onnx")(PIXELS).probabilities
    assert 0 < np.abs(exact - rounded).max() < 0.2
