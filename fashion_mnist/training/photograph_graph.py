"""The model of photographs as an ONNX graph: a frozen network, and a head on its features."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from fashion_mnist.errors import InputError
from fashion_mnist.inference.head import Head
from fashion_mnist.inference.onnx_model import FEATURES, INPUT, PROBABILITIES
from fashion_mnist.inference.photograph_model import BACKBONE, HEAD, SIMILARITY
from fashion_mnist.params.photographs import Backbone
from fashion_mnist.training import efficientnet_lite, torch_weights
from fashion_mnist.training.onnx_graph import Graph


def to_onnx(backbone: Backbone, head: Head | None) -> onnx.ModelProto:
    """Return the graph, which reads photographs, uint8 (n, side, side, 3).

    Its outputs, all float32, are `features` (n, units), and with a head `probabilities`
    (n, classes) and `similarity` (n,), the cosine to the nearest reference. Features are square
    roots of pooled outputs: the root makes the distances of counts and of intensities alike.
    Source: Arandjelovic and Zisserman, "Three things everyone should know to improve object
    retrieval", CVPR 2012.

    Args:
        backbone: which network.
        head: what it answers with; None leaves only the features.

    Raises:
        InputError: the weights are missing or damaged, or the head belongs to another network.
    """
    graph = Graph()
    x = graph.node("Cast", INPUT, to=TensorProto.FLOAT)
    x = graph.node("Transpose", x, perm=[0, 3, 1, 2])
    weights = torch_weights.read(efficientnet_lite.weights_path())
    pooled = [
        graph.node("Flatten", graph.node("GlobalAveragePool", output))
        for output in efficientnet_lite.add(graph, x, weights)
    ]
    features = graph.node("Sqrt", graph.node("Concat", *pooled, axis=1), name=FEATURES)
    units = sum(efficientnet_lite.CHANNELS)
    outputs: dict[str, list[int]] = {FEATURES: [units]}
    metadata: dict[str, Any] = {BACKBONE: identity(backbone)}
    if head:
        if head.info.backbone != metadata[BACKBONE]:
            raise InputError(
                f"the head learned from {head.info.backbone}, but params say {metadata[BACKBONE]}; "
                "run `make photographs`"
            )
        _add_head(graph, features, head)
        outputs |= {PROBABILITIES: [len(head.info.classes)], SIMILARITY: []}
        metadata |= {HEAD: head.info.model_dump()}
    shape = (backbone.side, backbone.side, 3)
    return graph.to_model(backbone.name, (INPUT, shape), outputs, metadata)


def identity(backbone: Backbone) -> str:
    """Return what tells a network from others: a head answers only with the one it learned from."""
    return f"{backbone.name}, {backbone.side} pixels, {efficientnet_lite.SHA256[:12]}"


def _add_head(graph: Graph, features: str, head: Head) -> None:
    logits = graph.node("Gemm", features, *graph.weights("head", head.weights, head.bias))
    graph.node("Softmax", logits, name=PROBABILITIES)
    length = graph.node("ReduceL2", features, graph.constant("units", np.array([1])))
    (stored,) = graph.weights("references", head.references.T)
    references = graph.node("Cast", stored, to=TensorProto.FLOAT)
    products = graph.node("MatMul", features, references)
    largest = graph.node("ReduceMax", products, "units", keepdims=0)
    # The graph of one photograph and of many: the length loses its axis of 1.
    flat = graph.node("Squeeze", length, "units")
    graph.node("Div", largest, flat, name=SIMILARITY)
