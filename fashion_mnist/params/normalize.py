"""The section `normalize`: how many images train, and how many validate."""

from typing import Annotated

from pydantic import Field, model_validator

from fashion_mnist.params.section import ImageCount, Section, Seed

TRAINING_IMAGES = 60_000  # of Fashion-MNIST, for training and validation together


class Normalize(Section):
    section = "normalize"

    train_size: ImageCount | None
    validation_size: ImageCount
    seed: Seed
    sample_rows: Annotated[int, Field(ge=1, le=20)]

    @model_validator(mode="after")
    def _check_that_images_suffice(self) -> "Normalize":
        needed = self.validation_size + (self.train_size or 10)
        if needed > TRAINING_IMAGES:
            raise ValueError(
                f"validation_size = {self.validation_size} and train_size = {self.train_size} "
                f"need {needed:,} images; expected at most {TRAINING_IMAGES:,}"
            )
        return self
