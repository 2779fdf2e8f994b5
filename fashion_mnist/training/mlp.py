"""The multilayer perceptron."""

from fashion_mnist.dataset.spec import Spec
from fashion_mnist.params.mlp import MLP
from fashion_mnist.training.classifier_head import classify
from fashion_mnist.training.tf_keras import keras


def build(params: MLP, spec: Spec) -> keras.Model:
    """Build the MLP: images (n, side, side, channels) -> class probabilities (n, classes)."""
    inputs = keras.Input(spec.image_shape, name="images")
    x = keras.layers.Flatten()(inputs)
    return keras.Model(
        inputs, classify(x, spec, params.hidden_units, params.dropout_rate), name=params.section
    )
