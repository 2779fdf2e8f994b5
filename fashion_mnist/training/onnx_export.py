"""Keras models as ONNX graphs that take raw pixels."""

from collections.abc import Sequence

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
from fashion_mnist.training import ensemble, onnx_layers
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
    - `features` (n, units), the input of the last dense layer, one member's after the other.

    With `mirror_averaged`, `probabilities` and `features` are the means of an image's and its
    mirror's. The logits of such means, and of several members, are the logarithms of the
    probabilities.

    Its metadata are `classes`, `dataset` (the spec), `temperature` and `sure_from`, as JSON.

    Args:
        model: images float32 (n, *spec.image_shape) in [0, 1] -> class probabilities, as
            `classifier_head.classify` and `ensemble.mean_of` return them.
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
    softmaxes = ensemble.softmaxes(model)
    ends = [*softmaxes, model.layers[-1]]
    body = [layer for layer in model.layers[1:] if layer not in ends]
    names = onnx_layers.translate(graph, model.input, x, body)
    logits = [names[id(softmax.input)] for softmax in softmaxes]
    before = {id(layer.output): layer for layer in body}
    heads = [before[id(softmax.input)] for softmax in softmaxes]
    inputs = [names[id(head.input)] for head in heads]
    features = graph.node("Concat", *inputs, axis=1) if len(inputs) > 1 else inputs[0]
    units = sum(head.input.shape[-1] for head in heads)
    before_softmax = _add_probabilities(graph, logits, mirror_averaged, len(spec.classes))
    temperature_name = graph.constant("temperature", np.array(temperature, np.float32))
    cooled = graph.node("Div", before_softmax, temperature_name)
    graph.node("Softmax", cooled, name=CALIBRATED_PROBABILITIES)
    if mirror_averaged:
        _mean_of_halves(graph, features, FEATURES, units)
    else:
        graph.node("Identity", features, name=FEATURES)
    return graph.to_model(
        model.name,
        (INPUT, spec.pixels_shape),
        {
            PROBABILITIES: [len(spec.classes)],
            CALIBRATED_PROBABILITIES: [len(spec.classes)],
            FEATURES: [units],
        },
        {
            "classes": spec.classes,
            "dataset": spec.model_dump(),
            "temperature": temperature,
            "sure_from": sure_from,
        },
    )


def _add_probabilities(
    graph: Graph, logits: Sequence[str], mirror_averaged: bool, classes: int
) -> str:
    """Add the mean probabilities behind members' logits; return the name of what is calibrated."""
    if len(logits) == 1 and not mirror_averaged:
        graph.node("Softmax", logits[0], name=PROBABILITIES)
        return logits[0]
    each = [graph.node("Softmax", of_member) for of_member in logits]
    if mirror_averaged:
        mean = graph.node("Mean", *each) if len(each) > 1 else each[0]
        _mean_of_halves(graph, mean, PROBABILITIES, classes)
    else:
        graph.node("Mean", *each, name=PROBABILITIES)
    # A probability of 0 has no logarithm.
    least = graph.constant("least", np.array(np.finfo(np.float32).tiny))
    return graph.node("Log", graph.node("Max", PROBABILITIES, least))


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
