"""The section `linear`: logistic regression on pixels, the floor for every other model."""

from typing import Literal

from fashion_mnist.params.recipe import Recipe


class Linear(Recipe):
    section = "linear"

    optimizer: Literal["adamw"]
