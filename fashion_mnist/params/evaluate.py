"""The section `evaluate`: how many images its plots show."""

from typing import Annotated

from pydantic import Field

from fashion_mnist.params.section import Section

ShownImages = Annotated[int, Field(ge=1, le=100)]


class Evaluate(Section):
    section = "evaluate"

    predictions_shown: ShownImages
    mistakes_shown: ShownImages
