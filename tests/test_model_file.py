import subprocess
import sys
import zipfile

import numpy as np
import pytest
from conftest import SPEC, made_images
from test_cnn import cnn_params

from fashion_mnist.errors import InputError
from fashion_mnist.training import cnn, model_file
from fashion_mnist.training.prediction import predict
from fashion_mnist.training.tf_keras import keras

IMAGES = made_images(50, seed=3)[0][..., None] / np.float32(255)


@pytest.fixture(scope="module")
def trained():
    """A CNN in mixed precision, with trained moving statistics."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = cnn.build(cnn_params(filters=[4, 8], pool_after=[1], dropout_rate=0.5), SPEC)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(IMAGES, np.arange(50) % 10, verbose=0)
    keras.config.set_dtype_policy("float32")
    return model


def test_a_saved_model_is_the_trained_one_in_float32(trained, tmp_path):
    model_file.save(trained, tmp_path / "cnn.keras")
    loaded = model_file.load(tmp_path / "cnn.keras", SPEC)
    assert {layer.compute_dtype for layer in loaded.layers} == {"float32"}
    for weight, expected in zip(loaded.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)
    # bfloat16 has three significant digits.
    np.testing.assert_allclose(predict(loaded, IMAGES), predict(trained, IMAGES), atol=0.02)


@pytest.mark.slow
def test_a_saved_model_loads_in_plain_keras_and_holds_no_optimizer(trained, tmp_path):
    path = tmp_path / "cnn.keras"
    model_file.save(trained, path)
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
    model_file.save(trained, tmp_path / "a" / "cnn.keras")
    model_file.save(trained, tmp_path / "b" / "cnn.keras")
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


def another_model(path):
    inputs = keras.Input((32, 32, 3))
    keras.Model(inputs, keras.layers.Flatten()(inputs)).save(path)


def under_another_name(path):
    inputs = keras.Input(SPEC.image_shape)
    flat = keras.layers.Flatten()(inputs)
    keras.Model(inputs, keras.layers.Dense(10)(flat), name="mlp").save(path)


def not_built(path):
    keras.Sequential([keras.layers.Dense(10)]).save(path)


@pytest.mark.parametrize("change", [{"side": 32}, {"channels": 3}, {"classes": list("abc")}])
def test_a_model_of_other_images_or_classes_is_refused(trained, tmp_path, change):
    model_file.save(trained, tmp_path / "cnn.keras")
    with pytest.raises(InputError, match="input and output shapes"):
        model_file.load(tmp_path / "cnn.keras", SPEC.model_copy(update=change))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda path: path.unlink(), "not found"),
        (not_built, "not a whole Keras model"),
        (lambda path: path.write_text("hello"), "not a whole Keras model"),
        (lambda path: path.write_bytes(b""), "not a whole Keras model"),
        (truncate, "not a whole Keras model"),
        (without_weights, "not a whole Keras model"),
        (another_model, "input and output shapes"),
        (under_another_name, "the model mlp found, expected cnn"),
    ],
)
def test_a_foreign_or_damaged_file_is_refused_in_one_line(trained, tmp_path, spoil, complaint):
    path = tmp_path / "cnn.keras"
    model_file.save(trained, path)
    spoil(path)
    with pytest.raises(InputError) as caught:
        model_file.load(path, SPEC)
    assert str(path) in str(caught.value)
    assert complaint in str(caught.value)
    assert "train_cnn" in str(caught.value)
    assert "\n" not in str(caught.value)
