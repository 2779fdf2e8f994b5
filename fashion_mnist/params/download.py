"""The section `download`: how patient a download is."""

from typing import Annotated

from pydantic import Field

from fashion_mnist.params.section import Section


class Download(Section):
    section = "download"

    timeout: Annotated[float, Field(gt=0, le=3600)]  # seconds
    retries: Annotated[int, Field(ge=0, le=10)]
