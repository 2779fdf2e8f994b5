"""The keys that the sections of all models share: how a model learns."""

from typing import Annotated, Any, Literal

from pydantic import Field

from fashion_mnist.params.section import LearningRate, Rate, Section


class Recipe(Section):
    """The base of every model's class."""

    optimizer: Literal["adamw", "muon"]
    learning_rate: LearningRate
    schedule: Literal["constant", "cosine", "linear"]
    # Each step takes learning_rate * weight_decay of a weight away.
    weight_decay: Annotated[float, Field(ge=0, le=1)]
    label_smoothing: Rate
    flip: bool

    def described(self) -> dict[str, Any]:
        """Return what a model card says: every key, but one that is optional and not used."""
        return self.model_dump(exclude_defaults=True)
