"""What the routes share: the loaded models, the index, and the threads that they run in."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from fashion_mnist.inference.answers import Models
from fashion_mnist.inference.onnx_model import OnnxModel
from fashion_mnist.inference.photograph_model import PhotographModel
from fashion_mnist.inference.similarity import Index
from service.cards import Card
from service.lanes import Lane


@dataclass(frozen=True)
class Loaded:
    """What `create_app` loads.

    answering: the models that answer about pictures; network: what heads learn from; models: of
    images of the dataset, by their names in URLs; cards: of all models, by name; samples: a PNG for
    each label; page: its HTML; index: of the training images; pictures, tensors, teaching: threads.
    """

    answering: Models
    network: PhotographModel
    models: dict[str, OnnxModel]
    cards: dict[str, Card]
    samples: dict[int, bytes]
    page: str
    index: Index
    pictures: Lane
    tensors: Lane
    teaching: Lane

    @property
    def cnn(self) -> OnnxModel:
        """The model of images of the dataset that explains what it saw, and finds similar ones."""
        return self.models["cnn"]


async def _of_request(request: Request) -> Loaded:
    return request.app.state.loaded


FromApp = Annotated[Loaded, Depends(_of_request)]
