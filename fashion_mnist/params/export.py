"""The section `export`: how an exported model answers, and how it is quantized."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from fashion_mnist.dataset.spec import Spec
from fashion_mnist.params.recipe import Recipe
from fashion_mnist.params.section import Count, Section


class Export(Section):
    section = "export"

    sure_from: Annotated[float, Field(ge=0, le=1)]
    mirror_averaged: bool
    quantization_images: Count

    def mirrored(self, models: Mapping[str, Recipe], spec: Spec) -> set[str]:
        """Return the models exported with the mirror: those that learned mirrored images."""
        is_possible = self.mirror_averaged and spec.mirror_keeps_class
        return {name for name, recipe in models.items() if is_possible and recipe.flip}
