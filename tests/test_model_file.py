import subprocess
import sys
import zipfile

import numpy as np
import pytest
from conftest import ROOT, made_images
from ruamel.yaml import YAML

from fashion_mnist import models, params
from fashion_mnist.backend import keras
from fashion_mnist.errors import InputError

SHIPPED = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")
# What a plain network of the five source projects is, beside its sizes.
PUBLISHED = {
    "padding": "valid",
    "pool_after": [1, 2],
    "batch_normalization": False,
    "head": "flatten",
    "dense_units": [128],
}


def cnn_params(**changes) -> params.CNN:
    return params.CNN(**{**SHIPPED["cnn"], **changes})


def images(count: int) -> np.ndarray:
    return made_images(count, seed=3)[0][..., None] / np.float32(255)


@pytest.fixture(autouse=True)
def _float32():
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("float32")


def test_published_dropout_comes_before_each_pooling_and_behind_the_dense_layer():
    settings = {"filters": [32, 64], "conv_dropout_rate": 0.4, "dropout_rate": 0.5}
    model = models.cnn(cnn_params(**{**PUBLISHED, **settings}))
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
    settings = cnn_params(**{**PUBLISHED, "filters": [8, 8], "dense_units": []})
    ours = models.cnn(settings)
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
    np.testing.assert_allclose(
        models.predict(ours, images(20)), models.predict(usual, images(20)), rtol=1e-5
    )


def test_fused_batch_normalization_is_keras_batch_normalization():
    fused = models.FusedBatchNormalization()
    fused.build((None, 5, 5, 3))
    stock = keras.layers.BatchNormalization(momentum=fused.momentum, epsilon=fused.epsilon)
    stock.build((None, 5, 5, 3))
    weights = np.random.default_rng(0).random((4, 3), dtype=np.float32) + 0.5
    fused.set_weights(weights)
    stock.set_weights(weights)
    x = np.random.default_rng(1).normal(2, 3, (16, 5, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(fused(x, training=True), stock(x, training=True), atol=1e-5)
    np.testing.assert_allclose(fused.moving_mean, stock.moving_mean, rtol=1e-5)
    # The fused operation feeds the unbiased variance to the moving one: n / (n - 1).
    np.testing.assert_allclose(fused.moving_variance, stock.moving_variance, rtol=400 / 399 - 1)
    np.testing.assert_allclose(fused(x), stock(x), atol=1e-2)


@pytest.fixture(scope="module")
def trained():
    """A CNN in mixed precision whose moving statistics are no longer what they began as."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = models.cnn(cnn_params(filters=[4, 8], pool_after=[1], dropout_rate=0.5))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(images(50), np.arange(50) % 10, verbose=0)
    return model


def test_saved_model_is_the_trained_one_in_float32(trained, tmp_path):
    models.save(trained, tmp_path / "cnn.keras")
    loaded = models.load(tmp_path / "cnn.keras")
    assert {layer.compute_dtype for layer in loaded.layers} == {"float32"}
    for weight, expected in zip(loaded.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)
    # bfloat16 has three significant digits.
    np.testing.assert_allclose(
        models.predict(loaded, images(20)), models.predict(trained, images(20)), atol=0.02
    )


def test_saved_model_loads_in_plain_keras_and_holds_no_optimizer(trained, tmp_path):
    path = tmp_path / "cnn.keras"
    models.save(trained, path)
    script = (
        "import sys, keras; model = keras.saving.load_model(sys.argv[1]); "
        "assert 'fashion_mnist' not in sys.modules; print(model.compiled, model.count_params())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], cwd=tmp_path, text=True, capture_output=True
    )
    assert done.stdout.split() == ["False", str(trained.count_params())], done.stderr
    assert path.stat().st_size < 4 * trained.count_params() + 60_000


def test_saving_twice_gives_the_same_bytes(trained, tmp_path):
    models.save(trained, tmp_path / "a" / "cnn.keras")
    models.save(trained, tmp_path / "b" / "cnn.keras")
    first = (tmp_path / "a" / "cnn.keras").read_bytes()
    assert first == (tmp_path / "b" / "cnn.keras").read_bytes()
    assert {entry.name for entry in tmp_path.rglob("*")} == {"a", "b", "cnn.keras"}


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1000])


def without_weights(path):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if "h5" not in name}
    with zipfile.ZipFile(path, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)


def another_network(path):
    inputs = keras.Input((32, 32, 3))
    keras.Model(inputs, keras.layers.Flatten()(inputs)).save(path)


def test_a_model_without_probabilities_is_refused():
    inputs = keras.Input((28, 28, 1))
    logits = keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(inputs)), name="cnn")
    with pytest.raises(InputError, match=r"model cnn: outputs from .* that sum to 1"):
        models.predict(logits, images(20))


def not_built(path):
    keras.Sequential([keras.layers.Dense(10)]).save(path)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda path: path.unlink(), "not found"),
        (not_built, "not a whole Keras model"),
        (lambda path: path.write_text("hello"), "not a whole Keras model"),
        (lambda path: path.write_bytes(b""), "not a whole Keras model"),
        (truncate, "not a whole Keras model"),
        (without_weights, "not a whole Keras model"),
        (another_network, "input and output shapes"),
    ],
)
def test_a_model_file_that_is_not_ours_is_refused_in_one_line(trained, tmp_path, spoil, complaint):
    path = tmp_path / "cnn.keras"
    models.save(trained, path)
    spoil(path)
    with pytest.raises(InputError) as caught:
        models.load(path)
    assert str(path) in str(caught.value)
    assert complaint in str(caught.value)
    assert "train_cnn" in str(caught.value)
    assert "\n" not in str(caught.value)
