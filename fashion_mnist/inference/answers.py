"""Pictures answered by the model that suits them.

Images of the dataset, as they are or enlarged, get the answer of the CNN that was trained on it.
Other pictures of the dataset's items get that of the model of photographs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from fashion_mnist.dataset import photograph, picture
from fashion_mnist.errors import InputError
from fashion_mnist.inference.head import Head
from fashion_mnist.inference.onnx_model import OnnxModel
from fashion_mnist.inference.photograph_model import PhotographModel, is_photograph_model

IMAGES, PHOTOGRAPHS = Path("cnn.onnx"), Path("photographs.onnx")


class Prepared(NamedTuple):
    """A picture as its model reads it."""

    pixels: np.ndarray
    is_photograph: bool


class Models:
    """The models that answer about pictures; at least one of them is there."""

    def __init__(
        self,
        images: tuple[str, OnnxModel] | None,
        photographs: tuple[str, PhotographModel] | None,
    ) -> None:
        """Take models with the names that their answers carry."""
        self._images, self._photographs = images, photographs

    @classmethod
    def load(cls, folder: Path, head: Path | None, threads: int = 0) -> "Models":
        """Load what the stages wrote.

        Args:
            folder: of the models.
            head: a file or folder that `teach` wrote; it answers about every picture.
            threads: of one call; 0 means one per core.

        Raises:
            InputError: a file is missing or damaged, or the head belongs to another network.
        """
        if head:
            taught = PhotographModel(folder / PHOTOGRAPHS, Head.load(head), threads)
            return cls(None, (head.resolve().name, taught))
        images = OnnxModel(folder / IMAGES, threads)
        photographs = PhotographModel(folder / PHOTOGRAPHS, threads=threads)
        suits = photographs.info.item == images.spec.item
        return cls((IMAGES.stem, images), (PHOTOGRAPHS.stem, photographs) if suits else None)

    @classmethod
    def load_one(cls, path: Path) -> "Models":
        """Load one model, which answers about every picture.

        Raises:
            InputError: the file is missing or damaged.
        """
        if is_photograph_model(path):
            return cls(None, (path.stem, PhotographModel(path)))
        return cls((path.stem, OnnxModel(path)), None)

    @property
    def images(self) -> OnnxModel | None:
        """The model of images of the dataset."""
        return self._images[1] if self._images else None

    @property
    def photographs(self) -> PhotographModel | None:
        """The model of photographs."""
        return self._photographs[1] if self._photographs else None

    @property
    def item(self) -> str:
        """What the pictures show, in the singular."""
        return self.images.spec.item if self.images else self._taught.info.item

    @property
    def _taught(self) -> PhotographModel:
        if self.photographs is None:
            raise InputError("no model to answer with")
        return self.photographs

    def prepare(self, source: Path | BinaryIO, name: str) -> Prepared:
        """Return a picture as its model reads it.

        Args:
            source: a file that `picture_file.decode` takes.
            name: of the picture, for errors.

        Raises:
            InputError: the picture can't be decoded, or is only background.
        """
        images, photographs = self.images, self.photographs
        if images and (not photographs or photograph.is_dataset_image(source, name, images.spec)):
            return Prepared(picture.pixels(source, name, images.spec), False)
        return Prepared(photograph.pixels(source, name, self._taught.side), True)

    def answer(self, pictures: Sequence[Prepared], top: int) -> list[dict[str, Any]]:
        """Return the verdict on each picture, and `model`, the name of the one that gave it."""
        verdicts: dict[int, dict[str, Any]] = {}
        of_images = [at for at, each in enumerate(pictures) if not each.is_photograph]
        of_photographs = [at for at, each in enumerate(pictures) if each.is_photograph]
        if self._images and of_images:
            name, images = self._images
            rows = images(np.stack([pictures[at].pixels for at in of_images])).probabilities
            for at, row in zip(of_images, rows, strict=True):
                verdicts[at] = {**images.verdict(row, top), "model": name}
        if self._photographs and of_photographs:
            name, photographs = self._photographs
            found = photographs(np.stack([pictures[at].pixels for at in of_photographs]))
            for at, row, similarity in zip(of_photographs, *found, strict=True):
                verdicts[at] = {**photographs.verdict(row, float(similarity), top), "model": name}
        return [verdicts[at] for at in range(len(pictures))]


def in_words(verdict: dict[str, Any], item: str) -> str:
    """Return one of the three endings: a class, not sure, or nothing that the model knows."""
    classes = ", ".join(f"{row['class']} {row['probability']:.1%}" for row in verdict["top"])
    if not verdict["known"]:
        return f"no {item} that I know: {verdict['reason']}"
    return classes if verdict["sure"] else f"not sure: {classes}"
