"""Logistic regression on pixels."""

from fashion_mnist.dataset.spec import Spec
from fashion_mnist.params.linear import Linear
from fashion_mnist.training.classifier_head import classify
from fashion_mnist.training.tf_keras import keras


def build(params: Linear, spec: Spec) -> keras.Model:
    """Build the model: images (n, side, side, channels) -> class probabilities (n, classes)."""
    inputs = keras.Input(spec.image_shape, name="images")
    x = keras.layers.Flatten()(inputs)
    return keras.Model(inputs, classify(x, spec), name=params.section)
