"""The section `feature_maps`: how many maps its plots show."""

from typing import Annotated

from pydantic import Field

from fashion_mnist.params.section import Section


class FeatureMaps(Section):
    section = "feature_maps"

    maps_shown: Annotated[int, Field(ge=1, le=64)]
