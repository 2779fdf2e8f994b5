"""The section `similar_items`: how the search is measured and shown."""

from typing import Annotated

from pydantic import Field

from fashion_mnist.params.section import Count, Section


class SimilarItems(Section):
    section = "similar_items"

    queries: Count
    items_shown: Annotated[int, Field(ge=1, le=20)]
