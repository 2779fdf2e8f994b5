"""The model of photographs at work: a frozen ImageNet network, and a head that learned from it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fashion_mnist.errors import InputError
from fashion_mnist.inference.head import Head, Info
from fashion_mnist.inference.onnx_model import (
    FEATURES,
    INPUT,
    PROBABILITIES,
    named_probabilities,
    read,
    session,
)

SIMILARITY = "similarity"
BATCH_SIZE = 16  # as fast as larger ones, with 200 MB of memory
BACKBONE, HEAD = "backbone", "head"  # keys of the metadata
REMAKE = "make it with `dvc repro photographs`"


def is_photograph_model(path: Path) -> bool:
    """Return whether a file is a model of photographs; what can't be loaded is none."""
    try:
        metadata = session(path.read_bytes(), 1).get_modelmeta().custom_metadata_map
    except Exception:  # whoever loads it says what is wrong
        return False
    return BACKBONE in metadata


class Answer(NamedTuple):
    """For n photographs: probabilities float32 (n, classes), similarities float32 (n,)."""

    probabilities: np.ndarray
    similarities: np.ndarray


class PhotographModel:
    """A model that the stage `photographs` wrote, with its own head or another.

    Attributes:
        side: of the square photographs that it reads, in pixels.
        backbone: the identity of the network; a head belongs to one.
    """

    def __init__(self, source: Path | bytes, head: Head | None = None, threads: int = 0) -> None:
        """Load the model.

        Args:
            source: an .onnx file, or its content.
            head: to answer with, in place of the model's own.
            threads: the number of threads for one call; 0 means one per core.

        Raises:
            InputError: the file is missing or damaged, or the head belongs to another network.
        """
        name = source if isinstance(source, Path) else "the network"
        try:
            content = read(source) if isinstance(source, Path) else source
            self._session = session(content, threads)
            metadata = self._session.get_modelmeta().custom_metadata_map
            self.backbone: str = json.loads(metadata[BACKBONE])
            own = Info.model_validate_json(metadata[HEAD]) if HEAD in metadata else None
            self.side: int = self._session.get_inputs()[0].shape[1]
            answers = (PROBABILITIES, SIMILARITY, FEATURES) if own else (FEATURES,)
            self._run(answers, np.zeros((1, self.side, self.side, 3), np.uint8))
        except FileNotFoundError:
            raise InputError(f"{name}: not found; {REMAKE}") from None
        except InputError:
            raise
        except Exception as error:  # the exceptions of ONNX Runtime have no base of their own
            reason = str(error).strip().splitlines()[0]
            raise InputError(f"{name}: not a model of photographs ({reason}); {REMAKE}") from None
        if head and head.info.backbone != self.backbone:
            raise InputError(
                f"the head learned from {head.info.backbone}, but {name} is {self.backbone}; "
                "teach it again"
            )
        self._head, self._info = head, head.info if head else own

    @property
    def info(self) -> Info:
        """What the head is about.

        Raises:
            InputError: the model has no head.
        """
        if self._info is None:
            raise InputError("a network without a head; name one with --head")
        return self._info

    def __call__(self, photographs: np.ndarray) -> Answer:
        """Classify photographs, uint8 (n, side, side, 3)."""
        if self._head:
            return Answer(*self._head(self.features(photographs)))
        return Answer(*self._run((PROBABILITIES, SIMILARITY), photographs))

    def features(self, photographs: np.ndarray) -> np.ndarray:
        """Return what a head learns from, float32 (n, units), not negative."""
        return self._run((FEATURES,), photographs)[0]

    def _run(self, names: Sequence[str], photographs: np.ndarray) -> list[np.ndarray]:
        batches = [
            self._session.run(names, {INPUT: photographs[start : start + BATCH_SIZE]})
            for start in range(0, len(photographs), BATCH_SIZE)
        ]
        return [np.concatenate(arrays) for arrays in zip(*batches, strict=True)]

    def verdict(self, probabilities: np.ndarray, similarity: float, top: int = 1) -> dict[str, Any]:
        """Describe the answer for one photograph.

        Args:
            probabilities: float32 (classes,).
            similarity: to the nearest reference.
            top: the number of top classes to name.

        Returns:
            class and probability of the top class; sure, whether that probability is high enough to
            decide by; known, whether the photograph shows one of the classes; reason, in words, why
            it is not sure or not known, or ""; top, the top classes, in order.
        """
        info = self.info
        top_classes = named_probabilities(info.classes, probabilities, top)
        best, reason = top_classes[0], ""
        is_sure = best["probability"] >= info.sure_from
        is_known = similarity >= info.known_from
        if not is_known:
            reason = (
                "it is unlike all pictures that the model learned from "
                f"(similarity {similarity:.3f}, known from {info.known_from:.3f})"
            )
        elif is_sure and best["class"] == info.other:
            is_known = False
            reason = f"it looks like a {info.item} of another kind"
        elif not is_sure:
            reason = f"its probability is below {info.sure_from:.0%}"
        return {
            **best,
            "sure": bool(is_sure and is_known),
            "known": bool(is_known),
            "reason": reason,
            "top": top_classes,
        }
