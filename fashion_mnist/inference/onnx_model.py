"""An exported network at work: raw pixels in, calibrated probabilities out, without TensorFlow."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before the import, which reads it
import onnxruntime

from fashion_mnist.errors import InputError

# Keeps the memory of a call bounded, and is as fast as all at once.
BATCH_SIZE = 256


class Answer(NamedTuple):
    """Of n images: probabilities float32 (n, 10), calibrated; features float32 (n, units)."""

    probabilities: np.ndarray
    features: np.ndarray


class Classifier:
    """A network that the stage `export` wrote.

    Attributes:
        classes: the ten class names, in the order of the probabilities.
        sure_from: the calibrated probability from which an answer counts as a decision.
    """

    def __init__(self, path: Path, threads: int = 0) -> None:
        """Load the network.

        Args:
            path: an .onnx file.
            threads: that one call uses; 0: one for each core.

        Raises:
            InputError: the file is missing or damaged.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4  # its errors are raised as well
        again = "make it with `dvc repro export`"
        try:
            self.session = onnxruntime.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
            metadata = self.session.get_modelmeta().custom_metadata_map
            self.classes: list[str] = json.loads(metadata["classes"])
            self.sure_from: float = json.loads(metadata["sure_from"])
        except FileNotFoundError:
            raise InputError(f"{path}: not found; {again}") from None
        except Exception as error:  # ONNX Runtime's exceptions share no class of their own
            reason = str(error).strip().splitlines()[0]
            raise InputError(f"{path}: not a whole exported network ({reason}); {again}") from None

    def __call__(self, images: np.ndarray) -> Answer:
        """Classify images, uint8 (n, 28, 28), garments bright on a background of 0."""
        return Answer(*self.outputs(("calibrated_probabilities", "features"), images))

    def outputs(self, names: tuple[str, ...], images: np.ndarray) -> list[np.ndarray]:
        """Return the network's outputs of these names, float32 (n, units), for such images."""
        batches = [
            self.session.run(names, {"images": images[start : start + BATCH_SIZE]})
            for start in range(0, len(images), BATCH_SIZE)
        ]
        return [np.concatenate(arrays) for arrays in zip(*batches, strict=True)]

    def verdict(self, probabilities: np.ndarray, top: int = 1) -> dict[str, Any]:
        """Put one image's calibrated probabilities, float32 (10,), into words.

        Returns:
            class and probability of the likeliest class, sure (whether that is a decision), and
            top: class and probability of the `top` likeliest classes, in order.
        """
        likeliest = [
            {
                "class": self.classes[position],
                "probability": round(float(probabilities[position]), 6),
            }
            for position in np.argsort(-probabilities)[:top]
        ]
        return {
            **likeliest[0],
            "sure": bool(probabilities.max() >= self.sure_from),
            "top": likeliest,
        }
