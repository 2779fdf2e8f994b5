"""The section `r_cnn`: the CNN that r/ trains, its recipe, and the images that it shows."""

from typing import Annotated

from pydantic import Field

from fashion_mnist.params.dataset import Dataset
from fashion_mnist.params.section import Count, LearningRate, Section, Seed, Units

TestImage = Annotated[int, Field(ge=0)]


class RCNN(Section):
    section = "r_cnn"

    filters: Annotated[list[Units], Field(min_length=1)]
    kernel_size: Count
    pool_after: list[Count]
    dense_units: list[Units]
    learning_rate: LearningRate
    batch_size: Count
    epochs: Count
    seed: Seed
    images_shown: Annotated[list[TestImage], Field(min_length=2, max_length=2)]

    def check_against(self, dataset: Dataset) -> None:
        if self.kernel_size > dataset.side:
            raise ValueError(
                f"kernel_size = {self.kernel_size}: expected at most {dataset.side} pixels"
            )
        if dataset.idx and max(self.images_shown) >= dataset.idx.test_images:
            raise ValueError(
                f"images_shown = {self.images_shown}: expected less than "
                f"{dataset.idx.test_images:,}"
            )
