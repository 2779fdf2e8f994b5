"""The section `resnet`: a small residual network and its recipe."""

from typing import Annotated

from pydantic import Field

from fashion_mnist.dataset.spec import Spec
from fashion_mnist.params.recipe import Recipe
from fashion_mnist.params.section import Rate, Units


class ResNet(Recipe):
    section = "resnet"

    filters: Annotated[list[Units], Field(min_length=2)]
    dropout_rate: Rate

    def check_against(self, dataset: Spec) -> None:
        if dataset.side >> (len(self.filters) - 1) < 1:
            raise ValueError(
                f"filters = {self.filters}: each but the first halves the side of "
                f"{dataset.side} pixels; expected fewer"
            )
