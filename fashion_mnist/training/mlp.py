"""The multilayer perceptron."""

from fashion_mnist.dataset.spec import IMAGE_SHAPE
from fashion_mnist.params.mlp import MLP
from fashion_mnist.training.classifier_head import classify
from fashion_mnist.training.tf_keras import keras


def build(params: MLP) -> keras.Model:
    """Build the MLP: images (n, 28, 28, 1) -> class probabilities (n, 10), float32."""
    inputs = keras.Input(IMAGE_SHAPE, name="images")
    x = keras.layers.Flatten()(inputs)
    return keras.Model(inputs, classify(x, params.hidden_units, params.dropout_rate), name="mlp")
