"""The answers of /predict, /similar and /explain, for the OpenAPI document."""

from typing import Annotated, Any

import orjson
from fastapi import Response
from pydantic import BaseModel, Field

ClassName = Annotated[str, Field(alias="class")]
Probability = Annotated[float, Field(ge=0, le=1, description="calibrated")]
ImageURL = Annotated[str, Field(description="a PNG, as a data: URL")]


class ClassProbability(BaseModel):
    class_name: ClassName
    probability: Probability


class Prediction(BaseModel):
    file: str
    class_name: ClassName
    probability: Probability
    sure: Annotated[bool, Field(description="whether the probability is high enough to decide by")]
    top: Annotated[list[ClassProbability], Field(description="the top classes, in order")]


class Predictions(BaseModel):
    predictions: list[Prediction]


class SimilarItem(BaseModel):
    index: Annotated[int, Field(ge=0, description="position among the training images")]
    class_name: ClassName
    similarity: Annotated[float, Field(description="cosine of the features of both")]
    image: Annotated[str, Field(description="path of the training image")]


class SimilarItems(BaseModel):
    similar: list[SimilarItem]


class Step(BaseModel):
    name: str
    image: ImageURL


class Explanation(BaseModel):
    steps: Annotated[list[Step], Field(description="from the picture to the model's input")]
    saliency: ImageURL


def answer(content: dict[str, Any]) -> Response:
    """Return `content`, which may hold NumPy's numbers, as JSON."""
    return Response(
        orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json"
    )
