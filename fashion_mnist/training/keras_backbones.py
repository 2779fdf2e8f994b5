"""Networks of keras.applications, trained on ImageNet, as nodes of an ONNX graph."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fashion_mnist.errors import InputError
from fashion_mnist.params.photographs import KerasName
from fashion_mnist.training import onnx_layers
from fashion_mnist.training.onnx_graph import Graph
from fashion_mnist.training.tf_keras import keras


class _Kind(NamedTuple):
    """How Keras builds a network, and what it reads: levels, or levels scaled to [-1, 1]."""

    build: Any
    is_scaled: bool


KINDS: dict[KerasName, _Kind] = {
    "MobileNetV2": _Kind(keras.applications.MobileNetV2, True),
    "EfficientNetV2B0": _Kind(keras.applications.EfficientNetV2B0, False),
    "ResNet50V2": _Kind(keras.applications.ResNet50V2, True),
}


def add(graph: Graph, images: str, name: KerasName, side: int, weights: Path) -> tuple[str, int]:
    """Add a network, up to its pooled last layer, to a graph.

    Args:
        graph: to add to.
        images: float32 (n, 3, side, side) of levels from 0 to 255.
        name: of the network.
        side: of the images, in pixels.
        weights: a file of keras.applications, without the classes ("notop").

    Returns:
        The name of its output, float32 (n, channels), and the number of channels.

    Raises:
        InputError: the file is missing, damaged, or of another network.
    """
    kind = KINDS[name]
    keras.backend.clear_session()  # counts of layers in their names, and so in the file, begin anew
    try:
        model = kind.build(
            include_top=False, weights=str(weights), input_shape=(side, side, 3), pooling="avg"
        )
    except Exception as error:  # h5py and Keras raise anything about a file that does not fit
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{weights}: not weights of {name} without its top ({reason})") from None
    if kind.is_scaled:
        scale, one = graph.weights("levels", np.array(127.5, np.float32), np.array(1, np.float32))
        images = graph.node("Sub", graph.node("Div", images, scale), one)
    names = onnx_layers.translate(graph, model.input, images, model.layers[1:])
    return names[id(model.output)], model.output.shape[-1]
