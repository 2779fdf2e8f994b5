"""A head: what a classifier of photographs learned on top of a frozen network's features.

A head is a small file. It holds a linear classifier, and references: features of pictures that it
learned from. A picture that is like none of them is nothing that the head knows.
"""

import io
import zipfile
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fashion_mnist import files
from fashion_mnist.errors import InputError
from fashion_mnist.inference.similarity import unit_length
from fashion_mnist.params.head import Train

FILE = "head.npz"  # in the folder that `teach` writes
ARRAYS = ("weights", "bias", "references")
MAX_BYTES = 1_000_000_000  # of an array; a damaged file may announce anything
INFO = "info"

Score = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


def file_of(path: Path) -> Path:
    """Return the file of a head, of which the path may name the folder."""
    return path / FILE if path.is_dir() else path


class Info(BaseModel):
    """What a head is about.

    Attributes:
        item: what its pictures show, in the singular.
        classes: the names of the classes, in the order of the probabilities.
        other: the class of items that are in none of the others; None where there is no such class.
        backbone: the identity of the network whose features it learned from.
        sure_from: the probability from which an answer is sure.
        known_from: the similarity to a reference from which a picture is known.
        pictures: the number that it learned from.
        train: how it learned.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    item: Annotated[str, Field(min_length=1)]
    classes: Annotated[list[str], Field(min_length=2)]
    other: str | None
    backbone: str
    sure_from: Score
    known_from: Score
    pictures: Annotated[int, Field(ge=2)]
    train: Train


class Head:
    """A linear classifier of features, and references to tell what is unknown.

    Attributes:
        info: what it is about.
        weights: float32 (units, classes); bias: float32 (classes,).
        references: float16 (m, units), each of length 1.
    """

    def __init__(
        self, info: Info, weights: np.ndarray, bias: np.ndarray, references: np.ndarray
    ) -> None:
        self.info = info
        self.weights, self.bias, self.references = weights, bias, references

    def __call__(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return probabilities float32 (n, classes) and similarities float32 (n,) of features.

        The similarity is the cosine to the nearest reference.
        """
        probabilities = softmax(features @ self.weights + self.bias)
        return probabilities, similarity(features, self.references)

    def to_bytes(self) -> bytes:
        """Return the content of the file, which `load` reads."""
        content = io.BytesIO()
        arrays: dict[str, Any] = {name: getattr(self, name) for name in ARRAYS}
        arrays[INFO] = np.array(self.info.model_dump_json())
        np.savez(content, **arrays)
        return content.getvalue()

    def save(self, path: Path) -> None:
        """Write the head to a file."""
        files.write_bytes(path, self.to_bytes())

    @classmethod
    def load(cls, path: Path) -> "Head":
        """Load a head from a file, or from the folder that `teach` wrote.

        Raises:
            InputError: the file is missing, damaged, or no head.
        """
        file = file_of(path)
        try:
            with zipfile.ZipFile(file) as archive:
                if max(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
                    raise ValueError(f"an array of more than {MAX_BYTES:,} bytes")
            with np.load(file, allow_pickle=False) as content:
                info = Info.model_validate_json(str(content[INFO]))
                head = cls(info, *(content[name] for name in ARRAYS))
        except FileNotFoundError:
            raise InputError(
                f"{file}: not found; `python -m fashion_mnist.teach FOLDER --output {path}` "
                "makes a head"
            ) from None
        except (OSError, ValueError, KeyError, ValidationError, zipfile.BadZipFile) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{file}: not a whole head ({reason}); make it again") from None
        if not head._is_whole():
            raise InputError(f"{file}: not a whole head (shapes differ); make it again")
        return head

    def _is_whole(self) -> bool:
        units, classes = self.weights.shape[:1], (len(self.info.classes),)
        arrays = [getattr(self, name) for name in ARRAYS]
        return (
            self.weights.shape == units + classes
            and self.bias.shape == classes
            and self.references.shape == (len(self.references), *units)
            and len(self.references) > 0
            and all(array.dtype.kind == "f" and np.isfinite(array).all() for array in arrays)
        )


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the probabilities of logits, float (n, classes)."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def similarity(features: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Return the cosine of each row of features, float (n, units), to its nearest reference."""
    return (unit_length(features) @ references.astype(np.float32).T).max(axis=1)
