"""Keras networks as ONNX graphs that take raw pixels, and their 8-bit versions."""

import json
import os
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before the import, which reads it
from onnxruntime import quantization

from fashion_mnist.backend import keras
from fashion_mnist.dataset import CLASS_NAMES, IMAGE_SHAPE
from fashion_mnist.errors import InputError

layers = keras.layers

# Old enough for every runtime in use, new enough for every operator here.
OPSET, IR_VERSION = 18, 9
TOLERANCE = 1e-4


def to_onnx(model: keras.Model, temperature: float, sure_from: float) -> onnx.ModelProto:
    """Return the network as an ONNX graph, normalisation and calibration included.

    The graph takes `images`, uint8 (n, 28, 28), and gives, all float32: `probabilities` (n, 10),
    the network's own; `calibrated_probabilities` (n, 10), softmax(logits / temperature);
    `features` (n, units), what the last dense layer reads. Its metadata, texts, are `classes`
    (JSON), `temperature` and `sure_from`.

    Args:
        model: images float32 (n, 28, 28, 1) in [0, 1] -> class probabilities (n, 10).
        temperature: of the calibration, positive.
        sure_from: the calibrated probability from which an answer counts as a decision.

    Raises:
        InputError: the network has a layer that is not translated here.
    """
    graph = _Graph()
    # One channel: (n, 28, 28) -> (n, 1, 28, 28) is already ONNX's order of axes.
    x = graph.node("Unsqueeze", "images", graph.constant("channel", np.array([1])))
    x = graph.node("Cast", x, to=TensorProto.FLOAT)
    x = graph.node("Mul", x, graph.constant("scale", np.float32(1 / 255)))
    names = {id(model.input): x}
    *hidden, logits, _ = model.layers[1:]
    for layer in [*hidden, logits]:
        names[id(layer.output)] = _translate(graph, layer, names[id(layer.input)])
    graph.node("Softmax", names[id(logits.output)], name="probabilities")
    temperature_name = graph.constant("temperature", np.float32(temperature))
    cooled = graph.node("Div", names[id(logits.output)], temperature_name)
    graph.node("Softmax", cooled, name="calibrated_probabilities")
    graph.node("Identity", names[id(logits.input)], name="features")
    outputs = {
        "probabilities": len(CLASS_NAMES),
        "calibrated_probabilities": len(CLASS_NAMES),
        "features": logits.input.shape[-1],
    }
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            model.name,
            [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", *IMAGE_SHAPE[:2]])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", units])
                for name, units in outputs.items()
            ],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    metadata = {"classes": CLASS_NAMES, "temperature": temperature, "sure_from": sure_from}
    helper.set_model_props(proto, {key: json.dumps(value) for key, value in metadata.items()})
    onnx.checker.check_model(proto, full_check=True)
    return proto


def check_parity(name: str, expected: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the largest difference between Keras's probabilities and those of the ONNX graph.

    Args:
        name: of the network.
        expected: float32 (n, 10), of the Keras network.
        probabilities: float32 (n, 10), of the graph, for the same images.

    Raises:
        InputError: it is above TOLERANCE. (Below, only a tie may give another class.)
    """
    difference = float(np.abs(expected - probabilities).max())
    if not difference <= TOLERANCE:
        raise InputError(
            f"models/{name}.onnx: probabilities up to {difference:.2g} from those of "
            f"models/{name}.keras, expected {TOLERANCE}; look for what changed in "
            "fashion_mnist/conversion.py"
        )
    return difference


def quantize(path: Path, images: np.ndarray) -> onnx.ModelProto:
    """Return the network with its convolutions in 8-bit integers, the rest as it was.

    Source: ONNX Runtime's documentation, "Quantize ONNX models", static quantization.

    Args:
        path: a file with what `to_onnx` returned.
        images: uint8 (n, 28, 28), whose activations set the ranges of the integers.
    """
    batches = iter([{"images": batch} for batch in np.array_split(images, len(images) // 100 or 1)])

    class Batches(quantization.CalibrationDataReader):
        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(batches, None)

    with tempfile.TemporaryDirectory() as folder:
        prepared, quantized = Path(folder) / "prepared.onnx", Path(folder) / "quantized.onnx"
        quantization.quant_pre_process(path, prepared, skip_symbolic_shape=True)
        quantization.quantize_static(
            prepared, quantized, Batches(), per_channel=True, op_types_to_quantize=["Conv"]
        )
        return onnx.load(quantized)


class _Graph:
    """Nodes and constants, collected in order; a node is known by the name of its one output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def node(self, operator: str, *inputs: str, name: str = "", **attributes: object) -> str:
        name = name or f"{operator.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weights(self, layer: layers.Layer, *values: np.ndarray) -> list[str]:
        return [
            self.constant(f"{layer.name}_{position}", value)
            for position, value in enumerate(values)
        ]


def _translate(graph: _Graph, layer: layers.Layer, x: str) -> str:
    """Add the nodes of a layer that reads `x`; its axes are (n, channels, height, width)."""
    match type(layer):
        case layers.Conv2D:
            kernel, *bias = layer.get_weights()
            padding = {"same": "SAME_UPPER", "valid": "VALID"}[layer.padding]
            weights = graph.weights(layer, kernel.transpose(3, 2, 0, 1), *bias)
            x = graph.node("Conv", x, *weights, auto_pad=padding)
            return _activate(graph, layer, x)
        case layers.Dense:
            x = graph.node("Gemm", x, *graph.weights(layer, *layer.get_weights()))
            return _activate(graph, layer, x)
        case layers.BatchNormalization:
            weights = graph.weights(layer, *layer.get_weights())
            return graph.node("BatchNormalization", x, *weights, epsilon=layer.epsilon)
        case layers.MaxPooling2D:
            size = list(layer.pool_size)
            return graph.node("MaxPool", x, kernel_shape=size, strides=size)
        case layers.ReLU:
            return graph.node("Relu", x)
        case layers.GlobalAveragePooling2D:
            return graph.node("Flatten", graph.node("GlobalAveragePool", x))
        case layers.Flatten:
            # Keras flattens with the channels last.
            return graph.node("Flatten", graph.node("Transpose", x, perm=[0, 2, 3, 1]))
        case layers.Dropout:
            return x
    raise InputError(
        f"layer {layer.name}: fashion_mnist/conversion.py translates no {type(layer).__name__} "
        "to ONNX; add a case there"
    )


def _activate(graph: _Graph, layer: layers.Layer, x: str) -> str:
    if layer.activation is keras.activations.relu:
        return graph.node("Relu", x)
    if layer.activation is keras.activations.linear:
        return x
    raise InputError(
        f"layer {layer.name}: activation {layer.activation.__name__} found, relu or linear expected"
    )
