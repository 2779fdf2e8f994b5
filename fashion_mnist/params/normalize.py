"""The section `normalize`: how many images train, and how many validate."""

from typing import Annotated

from pydantic import Discriminator, Field, Tag

from fashion_mnist.params.dataset import Dataset
from fashion_mnist.params.section import Count, Section, Seed

Share = Annotated[float, Field(gt=0, le=0.5)]


class Normalize(Section):
    section = "normalize"

    train_size: Count | None
    # The brackets keep the tags out of error messages.
    validation_size: Annotated[
        Annotated[Count, Tag("[number]")] | Annotated[Share, Tag("[share]")],
        Discriminator(lambda size: "[share]" if isinstance(size, float) else "[number]"),
    ]
    seed: Seed
    sample_rows: Annotated[int, Field(ge=1, le=20)]

    def check_against(self, dataset: Dataset) -> None:
        classes = len(dataset.classes)
        sizes = {"train_size": self.train_size, "validation_size": self.validation_size}
        for name, size in sizes.items():
            if isinstance(size, int) and size % classes:
                raise ValueError(
                    f"{name} = {size}: expected a multiple of {classes}, as many images of each "
                    "class"
                )
        if dataset.pictures and isinstance(self.validation_size, int):
            raise ValueError(
                f"validation_size = {self.validation_size}: expected a share such as 0.1, because "
                f"{dataset.title} is a folder of pictures"
            )
        if dataset.idx and isinstance(self.validation_size, int):
            needed, most = self.validation_size + (self.train_size or classes), dataset.idx
            if needed > most.train_images:
                raise ValueError(
                    f"validation_size = {self.validation_size} and train_size = "
                    f"{self.train_size} need {needed:,} images; expected at most "
                    f"{most.train_images:,}"
                )
