"""The cost of a training on any machine: its multiply-adds, counted from the model."""

import math

from fashion_mnist.training import ensemble
from fashion_mnist.training.tf_keras import keras


def forward(model: keras.Model) -> list[int]:
    """Return the multiply-adds of one image in each layer that has a kernel, in order.

    A convolution uses each weight of its kernel once for each position of its output, a dense
    layer once. Batch normalization, pooling and activations, a few hundredths, do not count.
    """
    return [
        math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1])
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense)
    ]


def training(model: keras.Model, images: int, epochs: int) -> int:
    """Return the multiply-adds of a whole training on `images` images.

    A step computes each layer once forward and twice backward, for its weights and for its
    inputs. The inputs of each member's first layer are the images, which need no gradient.
    """
    costs = forward(model)
    first = sum(costs[: len(ensemble.softmaxes(model))])
    return images * epochs * (3 * sum(costs) - first)
