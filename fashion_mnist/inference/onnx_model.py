"""An exported model at work: raw pixels in, calibrated probabilities out, without TensorFlow."""

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime reads it when it is imported
import onnxruntime

from fashion_mnist.dataset.spec import Spec
from fashion_mnist.errors import InputError

InputName = Literal["images"]
OutputName = Literal["probabilities", "calibrated_probabilities", "features"]
(INPUT,) = get_args(InputName)
OUTPUTS = PROBABILITIES, CALIBRATED_PROBABILITIES, FEATURES = get_args(OutputName)

BATCH_SIZE = 256  # limits the memory of a call, and is as fast as all images at once


class Answer(NamedTuple):
    """For n images: probabilities float32 (n, 10), calibrated; features float32 (n, units)."""

    probabilities: np.ndarray
    features: np.ndarray


class OnnxModel:
    """A model that the stage `export` wrote.

    Attributes:
        spec: what its images are; the probabilities are in the order of its classes.
        sure_from: the calibrated probability from which an answer is sure.
        output_units: the number of units of each output, by name.
    """

    def __init__(self, path: Path, threads: int = 0) -> None:
        """Load the model.

        Args:
            path: an .onnx file.
            threads: the number of threads for one call; 0 means one per core.

        Raises:
            InputError: the file is missing or damaged.
        """
        remake = "`make` exports the models"
        try:
            self._session = session(read(path), threads)
            self._check()
        except FileNotFoundError:
            raise InputError(f"{path}: not found; {remake}") from None
        except InputError:
            raise
        except Exception as error:  # the exceptions of ONNX Runtime have no base of their own
            reason = str(error).strip().splitlines()[0]
            raise InputError(f"{path}: not a whole exported model ({reason}); {remake}") from None

    def _check(self) -> None:
        """Read the metadata and answer one image, as only a model of this project can.

        Raises:
            Exception: it is another model.
        """
        metadata = self._session.get_modelmeta().custom_metadata_map
        if missing := {"dataset", "sure_from"} - metadata.keys():
            raise ValueError(f"no {' and '.join(sorted(missing))} in its metadata")
        self.spec = Spec.model_validate_json(metadata["dataset"])
        self.sure_from = float(metadata["sure_from"])
        answers = self.outputs(OUTPUTS, np.zeros((1, *self.spec.pixels_shape), np.uint8))
        self.output_units = {
            name: answer.shape[1] for name, answer in zip(OUTPUTS, answers, strict=True)
        }
        if self.output_units[PROBABILITIES] != len(self.spec.classes):
            raise ValueError(f"{self.output_units[PROBABILITIES]} classes in its answers")

    def __call__(self, images: np.ndarray) -> Answer:
        """Classify images, uint8 (n, *spec.pixels_shape)."""
        return Answer(*self.outputs((CALIBRATED_PROBABILITIES, FEATURES), images))

    def outputs(self, names: Sequence[str], images: np.ndarray) -> list[np.ndarray]:
        """Return the outputs of these names, float32 (n, units), for images as in `__call__`."""
        batches = [
            self._session.run(names, {INPUT: images[start : start + BATCH_SIZE]})
            for start in range(0, len(images), BATCH_SIZE)
        ]
        return [np.concatenate(arrays) for arrays in zip(*batches, strict=True)]

    def verdict(self, probabilities: np.ndarray, top: int = 1) -> dict[str, Any]:
        """Describe one image's calibrated probabilities, float32 (classes,).

        Returns:
            class and probability of the top class; sure, whether that probability is high enough
            to decide by; known, True: it always names a class of its own; reason, in words, why it
            is not sure, or ""; and top, class and probability of the `top` top classes, in order.
        """
        top_classes = named_probabilities(self.spec.classes, probabilities, top)
        is_sure = bool(probabilities.max() >= self.sure_from)
        return {
            **top_classes[0],
            "sure": is_sure,
            "known": True,
            "reason": "" if is_sure else f"its probability is below {self.sure_from:.0%}",
            "top": top_classes,
        }


def read(path: Path) -> bytes:
    """Return the content of a model's file.

    ONNX has no checksum, so a flipped bit would give other answers without a word. The card that
    the stage wrote beside the model has one; a model that was copied alone is not checked.

    Raises:
        InputError: it is no file, or not that of its card.
    """
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: not a file; expected an exported model, such as models/cnn.onnx")
    content, card = path.read_bytes(), path.with_suffix(".json")
    with suppress(OSError, ValueError, AttributeError):
        known = json.loads(card.read_bytes()).get("sha256", {})
        expected = {Path(of).name: sha256 for of, sha256 in known.items()}.get(path.name)
        found = hashlib.sha256(content).hexdigest()
        if expected not in (None, found):
            raise InputError(
                f"{path}: SHA-256 {found} found, {card} expects {expected}; make both again with "
                "`dvc repro --force --single-item` and the name of their stage"
            )
    return content


def session(content: bytes, threads: int) -> onnxruntime.InferenceSession:
    """Return a session of an ONNX model's content; 0 threads means one per core.

    Raises:
        Exception: one of ONNX Runtime's, which have no base of their own.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # errors are raised, so they need not be logged
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def named_probabilities(
    class_names: Sequence[str], probabilities: np.ndarray, top: int
) -> list[dict[str, Any]]:
    """Return class and probability of the `top` top classes, of float32 (classes,), in order."""
    return [
        {
            "class": class_names[position],
            "probability": round(float(probabilities[position]), 6),
        }
        for position in np.argsort(-probabilities)[:top]
    ]
