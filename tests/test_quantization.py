import numpy as np
import onnx
from conftest import made_images

from fashion_mnist.inference.onnx_model import OnnxModel

PIXELS = made_images(300, seed=5)[0]


def test_a_quantized_model_has_integer_convolutions_and_nearly_the_same_answers(exported):
    weights = {w.name: w for w in onnx.load(exported / "cnn_int8.onnx").graph.initializer}
    kinds = {
        weights[node.input[0]].data_type
        for node in onnx.load(exported / "cnn_int8.onnx").graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in weights
    }
    assert onnx.TensorProto.INT8 in kinds
    exact = OnnxModel(exported / "cnn.onnx")(PIXELS).probabilities
    rounded = OnnxModel(exported / "cnn_int8.onnx")(PIXELS).probabilities
    assert 0 < np.abs(exact - rounded).max() < 0.2
