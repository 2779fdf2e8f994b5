"""The card of an exported network: what its user should know, and what it was made from."""

import hashlib
from pathlib import Path

from fashion_mnist.dataset import CLASS_NAMES


def describe(network: Path, source: Path, training: Path, params: dict, test: dict) -> dict:
    """Return the card, ready for JSON.

    Args:
        network: the .onnx file.
        source: the .keras file that it was made from.
        training: the folder of the split that the network was trained on.
        params: the sections of params.yaml behind it.
        test: figures on the test images.
    """
    return {
        "name": network.stem,
        "task": "which of ten kinds of garment a 28x28 picture shows",
        "classes": CLASS_NAMES,
        "input": {
            "images": "uint8 (n, 28, 28): grey, the garment bright, the background 0",
        },
        "preprocessing": "none, normalisation is inside; fashion_mnist/picture.py turns other "
        "pictures into such pixels",
        "outputs": {
            "probabilities": "float32 (n, 10): as the Keras network gives them",
            "calibrated_probabilities": "float32 (n, 10): the ones to decide by",
            "features": "float32 (n, units): what the last dense layer reads; compare by cosine",
        },
        "test": test,
        "params": params,
        "sha256": {
            path.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (network, source, *sorted(training.glob("*.npy")))
        },
    }
