"""The section `cnn`: the convolutional network and its recipe."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from fashion_mnist.dataset.spec import Spec
from fashion_mnist.params.recipe import Recipe
from fashion_mnist.params.section import Count, Rate, Units

Padding = Literal["same", "valid"]


class CNN(Recipe):
    section = "cnn"

    filters: Annotated[list[Units], Field(min_length=1)]
    kernel_size: Count
    padding: Padding | list[Padding]
    pool_after: list[Count]
    batch_normalization: bool
    conv_dropout_rate: Rate
    head: Literal["flatten", "global_average_pooling"]
    dense_units: list[Units]
    dropout_rate: Rate
    # Optional, because params.yaml, rows and model cards are older than this key.
    members: Annotated[int, Field(ge=1, le=20)] = 1

    @property
    def paddings(self) -> list[Padding]:
        """The padding of each convolution."""
        if isinstance(self.padding, str):
            return [self.padding] * len(self.filters)
        return self.padding

    @model_validator(mode="after")
    def _check_pool_after(self) -> "CNN":
        convolutions = len(self.filters)
        is_ascending = self.pool_after == sorted(set(self.pool_after))
        if not is_ascending or any(position > convolutions for position in self.pool_after):
            raise ValueError(
                f"pool_after = {self.pool_after}: expected ascending positions in filters, "
                f"1 to {convolutions}"
            )
        if self.conv_dropout_rate and not self.pool_after:
            raise ValueError(
                f"conv_dropout_rate = {self.conv_dropout_rate}: this dropout comes before "
                "pooling, but pool_after is empty; expected 0.0"
            )
        return self

    @model_validator(mode="after")
    def _check_padding(self) -> "CNN":
        if len(self.paddings) != len(self.filters):
            raise ValueError(
                f"padding = {self.padding}: expected one word, or one for each of the "
                f"{len(self.filters)} filters"
            )
        return self

    def check_against(self, dataset: Spec) -> None:
        side = dataset.side
        if self.kernel_size > side:
            raise ValueError(f"kernel_size = {self.kernel_size}: expected at most {side} pixels")
        for position, padding in enumerate(self.paddings, start=1):
            if padding == "valid":
                side -= self.kernel_size - 1
            if position in self.pool_after:
                side //= 2
            if side < 1:
                raise ValueError(
                    f"no pixels remain after convolution {position} of {len(self.filters)}: "
                    "expected fewer of pool_after or filters, a smaller kernel_size, or padding "
                    '"same"'
                )
