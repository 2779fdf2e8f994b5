"""The model of photographs as an ONNX graph: a frozen network, and a head on its features."""

import hashlib
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
from onnx import TensorProto

from fashion_mnist.dataset import sources
from fashion_mnist.errors import InputError
from fashion_mnist.inference.head import Head
from fashion_mnist.inference.onnx_model import FEATURES, INPUT, PROBABILITIES
from fashion_mnist.inference.photograph_model import BACKBONE, HEAD, SIMILARITY
from fashion_mnist.params.photographs import Backbone, KerasName, Weights
from fashion_mnist.training import efficientnet_lite, torch_weights
from fashion_mnist.training.onnx_graph import Graph

WEIGHTS = Path("data/weights")
TIMEOUT, RETRIES = 30, 3  # seconds without a byte; of a broken download


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
        InputError: the weights can't be had or are damaged, or the head belongs to another network.
    """
    graph = Graph()
    x = graph.node("Cast", INPUT, to=TensorProto.FLOAT)
    x = graph.node("Transpose", x, perm=[0, 3, 1, 2])
    features, units = _add_backbone(graph, x, backbone)
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


def _add_backbone(graph: Graph, images: str, backbone: Backbone) -> tuple[str, int]:
    """Return the name of the features and their number."""
    if backbone.weights is None:
        weights = torch_weights.read(efficientnet_lite.weights_path())
        pooled = [
            graph.node("Flatten", graph.node("GlobalAveragePool", output))
            for output in efficientnet_lite.add(graph, images, weights)
        ]
        root = graph.node("Sqrt", graph.node("Concat", *pooled, axis=1), name=FEATURES)
        return root, sum(efficientnet_lite.CHANNELS)
    # Keras takes seconds to load, which the network of the package does not need.
    from fashion_mnist.training import keras_backbones

    path = _fetch(backbone.weights)
    name = cast(KerasName, backbone.name)
    output, channels = keras_backbones.add(graph, images, name, backbone.side, path)
    # These outputs may be negative; the root keeps their sign.
    size = graph.node("Sqrt", graph.node("Abs", output))
    return graph.node("Mul", graph.node("Sign", output), size, name=FEATURES), channels


def _fetch(weights: Weights) -> Path:
    """Return the file of the weights, verified; it is fetched where it is not in data/."""
    path = WEIGHTS / weights.file
    if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != weights.sha256:
        sources.fetch_file(weights.sources, weights.sha256, path, timeout=TIMEOUT, retries=RETRIES)
    return path


def identity(backbone: Backbone) -> str:
    """Return what tells a network from others: a head answers only with the one it learned from."""
    sha256 = backbone.weights.sha256 if backbone.weights else efficientnet_lite.SHA256
    return f"{backbone.name}, {backbone.side} pixels, {sha256[:12]}"


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
