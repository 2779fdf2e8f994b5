"""The section `download`: where the dataset's files come from."""

from typing import Annotated

from pydantic import Field

from fashion_mnist.params.section import Section


class Download(Section):
    section = "download"

    sources: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    timeout: Annotated[float, Field(gt=0, le=3600)]  # seconds
    retries: Annotated[int, Field(ge=0, le=10)]
