import numpy as np
import pytest
from conftest import SPEC, made_images
from test_cnn import PUBLISHED, cnn_params

from fashion_mnist.dataset.spec import Spec
from fashion_mnist.dataset.splits import to_pixels
from fashion_mnist.errors import InputError
from fashion_mnist.evaluation import calibration
from fashion_mnist.inference.onnx_model import OnnxModel
from fashion_mnist.params.linear import Linear
from fashion_mnist.params.mlp import MLP
from fashion_mnist.params.recipe import Recipe
from fashion_mnist.params.resnet import ResNet
from fashion_mnist.training import cnn, linear, mlp, model_file, onnx_export, resnet
from fashion_mnist.training.prediction import mirror_averaged, predict
from fashion_mnist.training.tf_keras import keras

COLOUR = SPEC.model_copy(
    update={"classes": list("abcd"), "side": 16, "channels": 3, "cut_out": False}
)
RECIPE = cnn_params().model_dump(include=Recipe.model_fields.keys()) | {"optimizer": "adamw"}

of_each_kind = pytest.mark.parametrize("spec", [SPEC, COLOUR], ids=["grey", "colour"])


def images_of(spec: Spec) -> np.ndarray:
    pixels = made_images(300, seed=5)[0]
    if spec.channels > 1:
        pixels = np.random.default_rng(5).integers(0, 256, (300, *spec.image_shape), np.uint8)
    return pixels.reshape(300, *spec.image_shape) / np.float32(255)


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


@of_each_kind
@pytest.mark.parametrize(
    "changes",
    [
        {"filters": [4, 6, 8], "pool_after": [1, 2]},
        {**PUBLISHED, "filters": [4, 6], "padding": ["same", "valid"], "conv_dropout_rate": 0.5},
        {"filters": [4, 6], "pool_after": [2], "head": "global_average_pooling", "kernel_size": 5},
        {"filters": [4, 6], "pool_after": [2], "members": 3},
    ],
    ids=["batch normalization", "flattened", "averaged", "three members"],
)
def test_cnns_of_every_kind_answer_as_in_keras(changes, spec, tmp_path):
    keras.utils.set_random_seed(0)
    model = trained(cnn.build(cnn_params(**changes), spec))
    answers_as_in_keras(model, spec, tmp_path)


@of_each_kind
@pytest.mark.parametrize("hidden_units", [[16, 12], []])
def test_mlps_answer_as_in_keras(hidden_units, spec, tmp_path):
    model = mlp.build(MLP(**RECIPE, hidden_units=hidden_units, dropout_rate=0.5), spec)
    answers_as_in_keras(trained(model), spec, tmp_path)


@of_each_kind
def test_logistic_regression_answers_as_in_keras(spec, tmp_path):
    answers_as_in_keras(trained(linear.build(Linear(**RECIPE), spec)), spec, tmp_path)


@of_each_kind
def test_residual_networks_answer_as_in_keras(spec, tmp_path):
    keras.utils.set_random_seed(0)
    model = resnet.build(ResNet(**RECIPE, filters=[4, 6, 8], dropout_rate=0.5), spec)
    answers_as_in_keras(trained(model), spec, tmp_path)


def answers_as_in_keras(model: keras.Model, spec: Spec, folder) -> None:
    path, images = folder / "model.onnx", images_of(spec)
    path.write_bytes(onnx_export.to_onnx(model, spec, 0.7, 0.5).SerializeToString())
    exported = OnnxModel(path)
    assert exported.spec == spec
    names = ("probabilities", "calibrated_probabilities", "features")
    probabilities, calibrated, features = exported.outputs(names, to_pixels(images))
    expected = predict(model, images)
    assert expected.shape == (300, len(spec.classes))
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(calibrated, calibration.apply(expected, 0.7), atol=1e-5)
    np.testing.assert_allclose(features, features_of(model, images), atol=1e-4)
    assert onnx_export.to_onnx(model, spec, 0.7, 0.5).SerializeToString() == path.read_bytes()


def features_of(model: keras.Model, images: np.ndarray) -> np.ndarray:
    heads = [layer for layer in model.layers if layer.name.startswith("logits")]
    body = keras.Model(model.input, [head.input for head in heads])
    found = body.predict(images, verbose=0)
    return np.concatenate(found, axis=1) if len(heads) > 1 else found


@of_each_kind
@pytest.mark.parametrize("members", [1, 2])
def test_with_its_mirror_an_image_has_the_mean_of_both_answers(members, spec, tmp_path):
    keras.utils.set_random_seed(0)
    recipe = cnn_params(filters=[4, 6], pool_after=[2], head="flatten", members=members)
    model = trained(cnn.build(recipe, spec))
    path, images = tmp_path / "model.onnx", images_of(spec)
    path.write_bytes(onnx_export.to_onnx(model, spec, 0.7, 0.5, True).SerializeToString())
    names = ("probabilities", "calibrated_probabilities", "features")
    probabilities, calibrated, features = OnnxModel(path).outputs(names, to_pixels(images))
    expected = mirror_averaged(model, images)
    # The two images do not answer alike, so a mean of other pairs would be seen.
    assert np.abs(expected - predict(model, images)).max() > 1e-3
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(calibrated, calibration.apply(expected, 0.7), atol=1e-5)
    both = [features_of(model, x) for x in (images, images[:, :, ::-1])]
    np.testing.assert_allclose(features, np.mean(both, axis=0), atol=1e-4)


def test_a_layer_that_is_not_translated_is_named():
    inputs = keras.Input(SPEC.image_shape)
    x = keras.layers.LayerNormalization(name="odd")(inputs)
    x = keras.layers.Dense(10, name="logits")(keras.layers.Flatten()(x))
    with pytest.raises(InputError, match="layer odd: LayerNormalization has no translation"):
        onnx_export.to_onnx(keras.Model(inputs, keras.layers.Softmax()(x)), SPEC, 1.0, 0.5)


@pytest.mark.parametrize("odd", ["Softmax", "Average"])
def test_a_layer_like_those_of_the_end_is_named_in_the_middle(odd):
    inputs = keras.Input(SPEC.image_shape)
    x = keras.layers.Flatten()(inputs)
    x = (
        keras.layers.Average(name="odd")([x, x])
        if odd == "Average"
        else keras.layers.Softmax(name="odd")(x)
    )
    x = keras.layers.Softmax()(keras.layers.Dense(10, name="logits")(x))
    with pytest.raises(InputError, match=f"layer odd: {odd} has no translation"):
        onnx_export.to_onnx(keras.Model(inputs, x), SPEC, 1.0, 0.5)


def test_parity_fails_by_distance_and_by_nan():
    expected = np.array([[0.6, 0.4], [0.2, 0.8]], np.float32)
    assert onnx_export.check_parity("cnn", expected, expected + np.float32(5e-5)) < 1e-4
    with pytest.raises(InputError, match=r"models/cnn.onnx: probabilities up to 0.001 "):
        onnx_export.check_parity("cnn", expected, expected + np.float32(1e-3))
    with pytest.raises(InputError, match="up to nan"):
        onnx_export.check_parity("cnn", expected, np.full_like(expected, np.nan))
