import numpy as np
import pytest
from conftest import made_images

from fashion_mnist.errors import InputError
from fashion_mnist.training import activations
from fashion_mnist.training.tf_keras import keras


@pytest.mark.parametrize(
    ("count", "middle"), [(1, "relu0"), (2, "relu1"), (3, "relu1"), (4, "relu1"), (7, "relu2")]
)
def test_the_layers_shown_are_the_first_one_a_third_of_the_way_and_the_last(count, middle):
    names = [f"relu{position}" for position in range(count)]
    assert activations.layers_shown(names) == {
        "first": "relu0",
        "middle": middle,
        "last": f"relu{count - 1}",
    }


def test_activity_by_hand():
    maps = np.zeros((2, 2, 2, 4), np.float32)
    maps[0, 0, 0, 0] = 1  # one position of one image
    maps[:, :, :, 1] = 1  # everywhere
    assert activations.activity(maps) == {
        "active_share": 9 / 32,
        "active_units_per_image": 3 / 8,
        "dead_units": 2 / 4,
    }


def test_outputs_and_kernels_are_those_of_the_model():
    inputs = keras.Input((28, 28, 1))
    x = keras.layers.Conv2D(3, 5, name="conv")(inputs)
    x = keras.layers.ReLU(name="relu")(x)
    model = keras.Model(inputs, keras.layers.Flatten()(x))
    images = made_images(4, seed=8)[0][..., None] / np.float32(255)
    assert activations.relu_layers(model) == ["relu"]
    maps = activations.of_layer(model, "relu", images)
    assert maps.shape == (4, 24, 24, 3)
    np.testing.assert_allclose(maps.reshape(4, -1), model(images), rtol=1e-5)
    assert activations.first_kernels(model).shape == (5, 5, 1, 3)


def test_a_model_without_convolutions_is_refused():
    inputs = keras.Input((28, 28, 1))
    model = keras.Model(inputs, keras.layers.ReLU()(keras.layers.Flatten()(inputs)), name="mlp")
    with pytest.raises(InputError, match="model mlp: no ReLU layers behind convolutions"):
        activations.relu_layers(model)
