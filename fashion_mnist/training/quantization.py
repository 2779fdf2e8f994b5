"""8-bit versions of exported models."""

import os
import tempfile
from pathlib import Path

import numpy as np
import onnx

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime reads it when it is imported
from onnxruntime import quantization

from fashion_mnist.inference.onnx_model import INPUT


def quantize(path: Path, images: np.ndarray) -> onnx.ModelProto:
    """Return an exported model with its convolutions in 8-bit integers, the rest unchanged.

    Source: ONNX Runtime's documentation, "Quantize ONNX models", static quantization.

    Args:
        path: the exported model's file.
        images: uint8 (n, ...), as the model reads them; their activations set the ranges of the
            integers.
    """
    batches = iter([{INPUT: batch} for batch in np.array_split(images, len(images) // 100 or 1)])

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
