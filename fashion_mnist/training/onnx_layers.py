"""Keras layers as nodes of an ONNX graph."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fashion_mnist.errors import InputError
from fashion_mnist.training.onnx_graph import Graph
from fashion_mnist.training.tf_keras import keras

layers = keras.layers

PADDING = {"same": "SAME_UPPER", "valid": "VALID"}
HERE = "fashion_mnist/training/onnx_layers.py"


def translate(
    graph: Graph, images: keras.KerasTensor, x: str, of_model: Sequence[keras.Layer]
) -> dict[int, str]:
    """Add the nodes of layers.

    Args:
        graph: to add to.
        images: what the first layer reads, (n, height, width, channels).
        x: its name in the graph, where its axes are (n, channels, height, width).
        of_model: layers in the order of a functional model.

    Returns:
        The name of each layer's output, by the `id` of the Keras tensor.

    Raises:
        InputError: a layer is not translated here.
    """
    names = {id(images): x}
    for layer in of_model:
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        names[id(layer.output)] = _translate(graph, layer, *(names[id(each)] for each in inputs))
    return names


def _translate(graph: Graph, layer: keras.Layer, *inputs: str) -> str:
    """Add the nodes of a layer that reads `inputs`, with axes (n, channels, height, width)."""
    x = inputs[0]
    match type(layer):
        case layers.Conv2D if layer.dilation_rate == (1, 1) and layer.groups == 1:
            kernel, *bias = layer.get_weights()
            weights = graph.weights(layer.name, kernel.transpose(3, 2, 0, 1), *bias)
            return _activate(graph, layer, _convolve(graph, layer, x, weights))
        case layers.DepthwiseConv2D if (*layer.dilation_rate, layer.depth_multiplier) == (1, 1, 1):
            kernel, *bias = layer.get_weights()
            weights = graph.weights(layer.name, kernel.transpose(2, 3, 0, 1), *bias)
            x = _convolve(graph, layer, x, weights, group=kernel.shape[2])
            return _activate(graph, layer, x)
        case layers.Add:
            return graph.node("Sum", *inputs)
        case layers.Multiply if len(inputs) == 2:
            return graph.node("Mul", *inputs)
        case layers.Activation:
            return _activate(graph, layer, x)
        case layers.Dense:
            x = graph.node("Gemm", x, *graph.weights(layer.name, *layer.get_weights()))
            return _activate(graph, layer, x)
        case layers.BatchNormalization if layer.center and layer.scale:
            weights = graph.weights(layer.name, *layer.get_weights())
            return graph.node("BatchNormalization", x, *weights, epsilon=layer.epsilon)
        case layers.Rescaling:
            scale, offset = (np.array(value, np.float32) for value in (layer.scale, layer.offset))
            scale_name, offset_name = graph.weights(layer.name, scale, offset)
            return graph.node("Add", graph.node("Mul", x, scale_name), offset_name)
        case layers.Normalization if not layer.invert:
            mean, variance = (
                np.array(value, np.float32).transpose(0, 3, 1, 2)
                for value in (layer.mean, layer.variance)
            )
            spread = np.maximum(np.sqrt(variance), keras.config.epsilon())
            mean_name, spread_name = graph.weights(layer.name, mean, spread)
            return graph.node("Div", graph.node("Sub", x, mean_name), spread_name)
        case layers.MaxPooling2D:
            size, strides = list(layer.pool_size), list(layer.strides)
            if layer.padding == "valid":  # the default stays unsaid
                return graph.node("MaxPool", x, kernel_shape=size, strides=strides)
            same = PADDING[layer.padding]
            return graph.node("MaxPool", x, kernel_shape=size, strides=strides, auto_pad=same)
        case layers.ZeroPadding2D:
            (top, bottom), (left, right) = layer.padding
            pads = np.array([0, 0, top, left, 0, 0, bottom, right])
            return graph.node("Pad", x, *graph.weights(layer.name, pads))
        case layers.ReLU if layer.negative_slope == layer.threshold == 0:
            if layer.max_value is None:
                return graph.node("Relu", x)
            limits = (np.array(limit, np.float32) for limit in (0, layer.max_value))
            return graph.node("Clip", x, *graph.weights(layer.name, *limits))
        case layers.GlobalAveragePooling2D:
            x = graph.node("GlobalAveragePool", x)
            return x if layer.keepdims else graph.node("Flatten", x)
        case layers.Reshape if layer.target_shape[:-1] == (1, 1):
            shape = np.array([-1, layer.target_shape[-1], 1, 1])
            return graph.node("Reshape", x, *graph.weights(layer.name, shape))
        case layers.Flatten:
            # Keras flattens with the channels last.
            return graph.node("Flatten", graph.node("Transpose", x, perm=[0, 2, 3, 1]))
        case layers.Dropout:
            return x
    raise InputError(
        f"layer {layer.name}: {type(layer).__name__} has no translation to ONNX; add a case to "
        f"{HERE}"
    )


def _convolve(graph: Graph, layer: keras.Layer, x: str, weights: list[str], **said: Any) -> str:
    if layer.strides != (1, 1):  # the default stays unsaid
        said["strides"] = list(layer.strides)
    return graph.node("Conv", x, *weights, auto_pad=PADDING[layer.padding], **said)


def _activate(graph: Graph, layer: keras.Layer, x: str) -> str:
    match layer.activation:
        case keras.activations.linear:
            return x
        case keras.activations.relu:
            return graph.node("Relu", x)
        case keras.activations.sigmoid:
            return graph.node("Sigmoid", x)
        case keras.activations.silu:
            return graph.node("Mul", x, graph.node("Sigmoid", x))
        case keras.activations.hard_silu:
            return graph.node("HardSwish", x)
    raise InputError(
        f"layer {layer.name}: activation {layer.activation.__name__} has no translation to ONNX; "
        f"add a case to {HERE}"
    )
