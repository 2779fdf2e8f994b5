"""An ONNX graph while it is put together."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Old enough for every runtime in use, new enough for every operator used here.
OPSET, IR_VERSION = 18, 9


class Graph:
    """Nodes and constants in order; a node has the name of its only output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def node(self, operator: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node; return its name."""
        name = name or f"{operator.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add a constant; return its name."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weights(self, name: str, *values: np.ndarray) -> list[str]:
        """Add the constants of a layer; return their names."""
        return [self.constant(f"{name}_{position}", value) for position, value in enumerate(values)]

    def to_model(
        self,
        name: str,
        images: tuple[str, Sequence[int]],
        outputs: Mapping[str, Sequence[int]],
        metadata: Mapping[str, Any],
    ) -> onnx.ModelProto:
        """Return the graph as a model of images, checked.

        Args:
            name: of the graph.
            images: the name of the input and the shape of an image, uint8.
            outputs: the shape of one image's output, float32, by name.
            metadata: what the model carries, written as JSON.
        """
        input_name, shape = images
        proto = helper.make_model(
            helper.make_graph(
                self.nodes,
                name,
                [helper.make_tensor_value_info(input_name, TensorProto.UINT8, ["n", *shape])],
                [
                    helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", *of_one])
                    for output, of_one in outputs.items()
                ],
                self.constants,
            ),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        helper.set_model_props(proto, {key: json.dumps(value) for key, value in metadata.items()})
        onnx.checker.check_model(proto, full_check=True)
        return proto
