"""The model card of an exported model: what its user should know, and what it was made from."""

import hashlib
from pathlib import Path
from typing import Any

from fashion_mnist.dataset.spec import Spec
from fashion_mnist.inference.head import Info
from fashion_mnist.inference.onnx_model import (
    CALIBRATED_PROBABILITIES,
    FEATURES,
    INPUT,
    PROBABILITIES,
)
from fashion_mnist.inference.photograph_model import SIMILARITY

PROMOTION = Path("promoted.json")  # beside promoted models: the tag and the commit that they are of


def describe(
    model: Path,
    source: Path,
    train_split: Path,
    spec: Spec,
    params: dict[str, Any],
    test: dict[str, Any],
) -> dict[str, Any]:
    """Return the card, ready for JSON.

    Args:
        model: the .onnx file.
        source: the .keras file that it was made from.
        train_split: the folder of the split that the model was trained on.
        spec: what its images are.
        params: the sections of params.yaml that it was trained with.
        test: its metrics on the test images.
    """
    return {
        "name": model.stem,
        "task": f"which of {len(spec.classes)} classes of {spec.title} a "
        f"{spec.side}x{spec.side} picture shows",
        "dataset": spec.model_dump(),
        "input": {
            INPUT: f"uint8 (n, {', '.join(map(str, spec.pixels_shape))}): {_look(spec)}",
        },
        "preprocessing": "none, the model normalizes its input; "
        "fashion_mnist/dataset/picture.py turns other pictures into such pixels",
        "outputs": {
            PROBABILITIES: f"float32 (n, {len(spec.classes)}): those of the Keras model",
            CALIBRATED_PROBABILITIES: f"float32 (n, {len(spec.classes)}): to decide by",
            FEATURES: "float32 (n, units): the input of the last dense layer; compare by cosine",
        },
        "test": test,
        "params": params,
        "sha256": {
            path.as_posix(): sha256(path)
            for path in (model, source, *sorted(train_split.glob("*.npy")))
        },
    }


def _look(spec: Spec) -> str:
    if spec.cut_out:
        return f"grey, the {spec.item} bright, the background 0"
    return "grey" if spec.channels == 1 else "red, green, blue"


def describe_photographs(model: Path, head: Path, info: Info) -> dict[str, Any]:
    """Return the card of the model of photographs, ready for JSON.

    Args:
        model: the .onnx file.
        head: the file of its head.
        info: what the head is about.
    """
    return {
        "name": model.stem,
        "task": f"which of {len(info.classes)} classes of {info.item}s a photograph shows",
        "input": {INPUT: "uint8 (n, side, side, 3): red, green, blue, padded to a square"},
        "preprocessing": "fashion_mnist/dataset/photograph.py turns pictures into such pixels",
        "outputs": {
            FEATURES: "float32 (n, units): what a head learns from; compare by cosine",
            PROBABILITIES: f"float32 (n, {len(info.classes)}): to decide by",
            SIMILARITY: "float32 (n,): cosine to the nearest photograph that it remembers",
        },
        "head": info.model_dump(),
        "limits": "garments laid out or hung at home, one in a picture; not worn, not from a "
        "catalogue: docs/photographs.md",
        "licenses": {"network": "Apache-2.0", "photographs": "CC0-1.0"},
        "sha256": {path.as_posix(): sha256(path) for path in (model, head)},
    }


def sha256(*files: Path) -> str:
    """Return the SHA-256 of a file, or of a model's file followed by that of another head."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
