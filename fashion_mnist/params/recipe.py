"""The keys that the sections of all models share: how a model learns."""

from typing import Annotated, Literal

from pydantic import Field

from fashion_mnist.params.section import Rate, Section


class Recipe(Section):
    """The base of every model's class."""

    optimizer: Literal["adamw", "muon"]
    learning_rate: Annotated[float, Field(gt=0)]
    schedule: Literal["constant", "cosine", "linear"]
    weight_decay: Annotated[float, Field(ge=0)]
    label_smoothing: Rate
    flip: bool
