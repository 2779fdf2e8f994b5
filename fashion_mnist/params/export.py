"""The section `export`: when an exported model is sure, and how it is quantized."""

from typing import Annotated

from pydantic import Field

from fashion_mnist.params.section import Count, Section


class Export(Section):
    section = "export"

    sure_from: Annotated[float, Field(ge=0, le=1)]
    quantization_images: Count
