"""The section `train`: what both trainings share."""

from typing import Literal

from fashion_mnist.params.section import Count, Section, Seed


class Train(Section):
    section = "train"

    epochs: Count
    batch_size: Count
    seed: Seed
    precision: Literal["auto", "float32", "mixed_bfloat16"]
