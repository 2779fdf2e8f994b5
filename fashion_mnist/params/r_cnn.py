"""The section `r_cnn`: the CNN that r/ trains, its recipe, and the images that it shows."""

from typing import Annotated

from pydantic import Field

from fashion_mnist.dataset.spec import SIDE
from fashion_mnist.params.section import Count, Section, Seed, Units

TestImage = Annotated[int, Field(ge=0, le=9_999)]


class RCNN(Section):
    section = "r_cnn"

    filters: Annotated[list[Units], Field(min_length=1)]
    kernel_size: Annotated[int, Field(ge=1, le=SIDE)]
    pool_after: list[Count]
    dense_units: list[Units]
    learning_rate: Annotated[float, Field(gt=0)]
    batch_size: Count
    epochs: Count
    seed: Seed
    images_shown: Annotated[list[TestImage], Field(min_length=2, max_length=2)]
