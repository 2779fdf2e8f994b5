import numpy as np
import pytest
from conftest import made_images
from test_cnn import PUBLISHED, cnn_params

from fashion_mnist.dataset import spec
from fashion_mnist.errors import InputError
from fashion_mnist.evaluation import calibration
from fashion_mnist.inference.onnx_model import OnnxModel
from fashion_mnist.params.mlp import MLP
from fashion_mnist.params.recipe import Recipe
from fashion_mnist.training import cnn, mlp, model_file, onnx_export
from fashion_mnist.training.prediction import predict
from fashion_mnist.training.tf_keras import keras

PIXELS = made_images(300, seed=5)[0]
IMAGES = PIXELS[..., None] / np.float32(255)


def trained(model: keras.Model) -> keras.Model:
    """Return the plain model with other weights and statistics than the initial ones."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        values = [w + 0.05 * rng.standard_normal(w.shape) for w in layer.get_weights()]
        if isinstance(layer, keras.layers.BatchNormalization):
            values[0][::2] *= -1  # with a negative scale the order of pooling matters
            values[3] = np.abs(values[3])
        layer.set_weights(values)
    return model_file.plain(model)


@pytest.mark.parametrize(
    "changes",
    [
        {"filters": [4, 6, 8], "pool_after": [1, 2]},
        {**PUBLISHED, "filters": [4, 6], "padding": ["same", "valid"], "conv_dropout_rate": 0.5},
        {"filters": [4, 6], "pool_after": [2], "head": "global_average_pooling", "kernel_size": 5},
    ],
    ids=["batch normalization", "flattened", "averaged"],
)
def test_cnns_of_every_kind_answer_as_in_keras(changes, tmp_path):
    keras.utils.set_random_seed(0)
    model = trained(cnn.build(cnn_params(**changes)))
    answers_as_in_keras(model, tmp_path)


@pytest.mark.parametrize("hidden_units", [[16, 12], []])
def test_mlps_answer_as_in_keras(hidden_units, tmp_path):
    recipe = cnn_params().model_dump(include=Recipe.model_fields.keys())
    settings = {"hidden_units": hidden_units, "dropout_rate": 0.5, "optimizer": "adamw"}
    model = mlp.build(MLP(**recipe | settings))
    answers_as_in_keras(trained(model), tmp_path)


def answers_as_in_keras(model: keras.Model, folder) -> None:
    path = folder / "model.onnx"
    path.write_bytes(onnx_export.to_onnx(model, 0.7, 0.5).SerializeToString())
    names = ("probabilities", "calibrated_probabilities", "features")
    probabilities, calibrated, features = OnnxModel(path).outputs(names, PIXELS)
    expected = predict(model, IMAGES)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(calibrated, calibration.apply(expected, 0.7), atol=1e-5)
    body = keras.Model(model.input, model.get_layer("logits").input)
    np.testing.assert_allclose(features, body.predict(IMAGES, verbose=0), atol=1e-4)
    assert onnx_export.to_onnx(model, 0.7, 0.5).SerializeToString() == path.read_bytes()


def test_a_layer_that_is_not_translated_is_named():
    inputs = keras.Input(spec.IMAGE_SHAPE)
    x = keras.layers.LayerNormalization(name="odd")(inputs)
    x = keras.layers.Dense(10, name="logits")(keras.layers.Flatten()(x))
    with pytest.raises(InputError, match="layer odd: LayerNormalization has no translation"):
        onnx_export.to_onnx(keras.Model(inputs, keras.layers.Softmax()(x)), 1.0, 0.5)


def test_parity_fails_by_distance_and_by_nan():
    expected = np.array([[0.6, 0.4], [0.2, 0.8]], np.float32)
    assert onnx_export.check_parity("cnn", expected, expected + np.float32(5e-5)) < 1e-4
    with pytest.raises(InputError, match=r"models/cnn.onnx: probabilities up to 0.001 "):
        onnx_export.check_parity("cnn", expected, expected + np.float32(1e-3))
    with pytest.raises(InputError, match="up to nan"):
        onnx_export.check_parity("cnn", expected, np.full_like(expected, np.nan))
