"""Keras models as ONNX graphs that take raw pixels."""

import numpy as np
import onnx
from onnx import TensorProto

from fashion_mnist.dataset.spec import Spec
from fashion_mnist.errors import InputError
from fashion_mnist.inference.onnx_model import (
    CALIBRATED_PROBABILITIES,
    FEATURES,
    INPUT,
    PROBABILITIES,
)
from fashion_mnist.training import onnx_layers
from fashion_mnist.training.onnx_graph import Graph
from fashion_mnist.training.tf_keras import keras

TOLERANCE = 1e-4


def to_onnx(
    model: keras.Model,
    spec: Spec,
    temperature: float,
    sure_from: float,
    mirror_averaged: bool = False,
) -> onnx.ModelProto:
    """Return the model as an ONNX graph, normalization and calibration included.

    The graph's input is `images`, uint8 (n, *spec.pixels_shape). Its outputs, all float32, are:

    - `probabilities` (n, classes), those of the Keras model;
    - `calibrated_probabilities` (n, classes), softmax(logits / temperature);
    - `features` (n, units), the input of the last dense layer.

    With `mirror_averaged`, `probabilities` and `features` are the means of an image's and its
    mirror's, and the logits that are calibrated are the logarithms of these probabilities.

    Its metadata are `classes`, `dataset` (the spec), `temperature` and `sure_from`, as JSON.

    Args:
        model: images float32 (n, *spec.image_shape) in [0, 1] -> class probabilities; its last two
            layers are those of `classifier_head.classify`.
        spec: what the images are.
        temperature: of the calibration, positive.
        sure_from: the calibrated probability from which an answer is sure.
        mirror_averaged: whether the graph also looks at the mirror image.

    Raises:
        InputError: the model has a layer that is not translated here.
    """
    graph = Graph()
    if spec.channels == 1:
        # (n, 1, side, side) is already ONNX's order of axes.
        x = graph.node("Unsqueeze", INPUT, graph.constant("channel", np.array([1])))
    else:
        x = graph.node("Transpose", INPUT, perm=[0, 3, 1, 2])
    x = graph.node("Cast", x, to=TensorProto.FLOAT)
    x = graph.node("Mul", x, graph.constant("scale", np.array(1 / 255, np.float32)))
    if mirror_averaged:
        x = graph.node("Concat", x, _mirrored(graph, x), axis=0)
    *hidden, logits, _ = model.layers[1:]
    names = onnx_layers.translate(graph, model.input, x, [*hidden, logits])
    before_softmax, features = names[id(logits.output)], names[id(logits.input)]
    if mirror_averaged:
        both = graph.node("Softmax", before_softmax)
        _mean_of_halves(graph, both, PROBABILITIES, len(spec.classes))
        # A probability of 0 has no logarithm.
        least = graph.constant("least", np.array(np.finfo(np.float32).tiny))
        before_softmax = graph.node("Log", graph.node("Max", PROBABILITIES, least))
    else:
        graph.node("Softmax", before_softmax, name=PROBABILITIES)
    temperature_name = graph.constant("temperature", np.array(temperature, np.float32))
    cooled = graph.node("Div", before_softmax, temperature_name)
    graph.node("Softmax", cooled, name=CALIBRATED_PROBABILITIES)
    if mirror_averaged:
        _mean_of_halves(graph, features, FEATURES, logits.input.shape[-1])
    else:
        graph.node("Identity", features, name=FEATURES)
    return graph.to_model(
        model.name,
        (INPUT, spec.pixels_shape),
        {
            PROBABILITIES: [len(spec.classes)],
            CALIBRATED_PROBABILITIES: [len(spec.classes)],
            FEATURES: [logits.input.shape[-1]],
        },
        {
            "classes": spec.classes,
            "dataset": spec.model_dump(),
            "temperature": temperature,
            "sure_from": sure_from,
        },
    )


def _mirrored(graph: Graph, images: str) -> str:
    """Add the mirror images of images (n, channels, side, side); return their name."""
    last, before_first, step = -1, np.iinfo(np.int64).min, -1
    slices = {"starts": last, "ends": before_first, "axes": 3, "steps": step}
    return graph.node(
        "Slice", images, *(graph.constant(name, np.array([at])) for name, at in slices.items())
    )


def _mean_of_halves(graph: Graph, values: str, name: str, units: int) -> None:
    """Add `name` (n, units): the means of the two halves of `values` (2n, units)."""
    halves = graph.constant(f"{name}_halves", np.array([2, -1, units]))
    axis = graph.constant(f"{name}_axis", np.array([0]))
    graph.node("ReduceMean", graph.node("Reshape", values, halves), axis, name=name, keepdims=0)


def check_parity(name: str, expected: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the largest difference between Keras's probabilities and those of the ONNX graph.

    Args:
        name: of the model.
        expected: float32 (n, classes), of the Keras model.
        probabilities: float32 (n, classes), of the ONNX graph, for the same images.

    Raises:
        InputError: the difference is above TOLERANCE.
    """
    difference = float(np.abs(expected - probabilities).max())
    if not difference <= TOLERANCE:
        raise InputError(
            f"models/{name}.onnx: probabilities up to {difference:.2g} from those of "
            f"models/{name}.keras, expected {TOLERANCE}; look for what changed in "
            "fashion_mnist/training/onnx_export.py"
        )
    return difference
