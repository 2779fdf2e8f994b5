"""A small residual network.

Source: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", arXiv 1512.03385. It
pools where they stride, and pools first, so no block computes at the full size.
"""

from fashion_mnist.dataset.spec import Spec
from fashion_mnist.params.resnet import ResNet
from fashion_mnist.training.batch_normalization import FusedBatchNormalization
from fashion_mnist.training.classifier_head import classify
from fashion_mnist.training.tf_keras import keras

layers = keras.layers


def build(params: ResNet, spec: Spec) -> keras.Model:
    """Build the model: images (n, side, side, channels) -> class probabilities (n, classes).

    The first of `filters` is that of a plain convolution; each other one is that of a block of two
    convolutions, behind pooling that halves the sides.
    """
    inputs = keras.Input(spec.image_shape, name="images")
    x = layers.ReLU()(_convolution(inputs, params.filters[0], 3))
    for filters in params.filters[1:]:
        x = layers.MaxPooling2D()(x)
        shortcut = _convolution(x, filters, 1)
        x = layers.ReLU()(_convolution(x, filters, 3))
        x = layers.ReLU()(layers.Add()([_convolution(x, filters, 3), shortcut]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, classify(x, spec, [], params.dropout_rate), name=params.section)


def _convolution(x: keras.KerasTensor, filters: int, kernel_size: int) -> keras.KerasTensor:
    x = layers.Conv2D(filters, kernel_size, padding="same", use_bias=False)(x)
    return FusedBatchNormalization()(x)
