import numpy as np
import pytest

from fashion_mnist.errors import InputError
from fashion_mnist.training import prediction
from fashion_mnist.training.tf_keras import keras


def test_a_model_without_probabilities_is_refused():
    inputs = keras.Input((28, 28, 1))
    logits = keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(inputs)), name="cnn")
    images = np.random.default_rng(0).random((20, 28, 28, 1), dtype=np.float32)
    with pytest.raises(InputError, match=r"model cnn: outputs from .* that sum to 1"):
        prediction.predict(logits, images)
