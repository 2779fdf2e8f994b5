"""The section `normalize`: how many images train, and how many validate."""

from typing import Annotated

from pydantic import Field

from fashion_mnist.params.section import ImageCount, Section, Seed


class Normalize(Section):
    section = "normalize"

    train_size: ImageCount | None
    validation_size: ImageCount
    seed: Seed
    sample_rows: Annotated[int, Field(ge=1, le=20)]
