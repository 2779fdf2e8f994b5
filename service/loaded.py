"""What the routes share: the loaded models, the index, and the threads that they run in."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Annotated, ParamSpec, TypeVar

from fastapi import Depends, Request

from fashion_mnist.inference.answers import Models
from fashion_mnist.inference.onnx_model import OnnxModel
from fashion_mnist.inference.photograph_model import PhotographModel
from fashion_mnist.inference.similarity import Index

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Loaded:
    """What `create_app` loads.

    answering: the models that answer about pictures; network: what heads learn from; models: of
    images of the dataset, by their names in URLs; samples: a PNG for each label; page: its HTML;
    index: of the training images; threads: for long work; teaching: held by who teaches.
    """

    answering: Models
    network: PhotographModel
    models: dict[str, OnnxModel]
    samples: dict[int, bytes]
    page: str
    index: Index
    threads: Executor
    teaching: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def cnn(self) -> OnnxModel:
        """The model of images of the dataset that explains what it saw, and finds similar ones."""
        return self.models["cnn"]

    async def in_thread(
        self, function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs
    ) -> T:
        """Call a function that computes, without blocking other requests."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, lambda: function(*arguments, **keywords))


async def _of_request(request: Request) -> Loaded:
    return request.app.state.loaded


FromApp = Annotated[Loaded, Depends(_of_request)]
