"""The section `mlp`: the multilayer perceptron and its recipe."""

from typing import Literal

from fashion_mnist.params.recipe import Recipe
from fashion_mnist.params.section import Rate, Units


class MLP(Recipe):
    section = "mlp"

    # Muon is for the kernels of convolutions, which an MLP lacks.
    optimizer: Literal["adamw"]
    hidden_units: list[Units]
    dropout_rate: Rate
