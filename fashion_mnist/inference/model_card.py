"""The model card of an exported model: what its user should know, and what it was made from."""

import hashlib
from pathlib import Path
from typing import Any

from fashion_mnist.dataset.spec import CLASS_NAMES
from fashion_mnist.inference.onnx_model import (
    CALIBRATED_PROBABILITIES,
    FEATURES,
    INPUT,
    PROBABILITIES,
)


def describe(
    model: Path, source: Path, train_split: Path, params: dict[str, Any], test: dict[str, Any]
) -> dict[str, Any]:
    """Return the card, ready for JSON.

    Args:
        model: the .onnx file.
        source: the .keras file that it was made from.
        train_split: the folder of the split that the model was trained on.
        params: the sections of params.yaml that it was trained with.
        test: its metrics on the test images.
    """
    return {
        "name": model.stem,
        "task": "which of ten kinds of garment a 28x28 picture shows",
        "classes": CLASS_NAMES,
        "input": {
            INPUT: "uint8 (n, 28, 28): grey, the garment bright, the background 0",
        },
        "preprocessing": "none, the model normalizes its input; "
        "fashion_mnist/dataset/picture.py turns other pictures into such pixels",
        "outputs": {
            PROBABILITIES: "float32 (n, 10): those of the Keras model",
            CALIBRATED_PROBABILITIES: "float32 (n, 10): to decide by",
            FEATURES: "float32 (n, units): the input of the last dense layer; compare by cosine",
        },
        "test": test,
        "params": params,
        "sha256": {
            path.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (model, source, *sorted(train_split.glob("*.npy")))
        },
    }
