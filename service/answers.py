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
    sure: Annotated[bool, Field(description="whether the answer is good enough to decide by")]
    known: Annotated[bool, Field(description="whether the picture shows one of the classes")]
    reason: Annotated[str, Field(description="why the answer is not sure or not known, in words")]
    top: Annotated[list[ClassProbability], Field(description="the top classes, in order")]
    model: Annotated[str, Field(description="which model answered")]
    model_sha256: Annotated[str, Field(description="of the model's file")]


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
    top: Annotated[list[ClassProbability], Field(description="the CNN's top classes, in order")]
    steps: Annotated[list[Step], Field(description="from the picture to the model's input")]
    saliency: ImageURL


class TaughtClass(BaseModel):
    class_name: ClassName
    pictures: Annotated[int, Field(ge=1, description="that the head learned from")]
    right: Annotated[int, Field(ge=0, description="answered rightly when left out of learning")]


class Mistake(BaseModel):
    file: str
    class_name: ClassName
    predicted: str
    probability: Probability


class Taught(BaseModel):
    pictures: int
    right: int
    classes: list[TaughtClass]
    mistakes: Annotated[list[Mistake], Field(description="the most confident first")]
    refused: Annotated[list[str], Field(description="a line for each picture that was left out")]
    head: Annotated[str, Field(description="the file, in base64, that --head takes")]


def answer(content: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """Return `content`, which may hold NumPy's numbers, as JSON."""
    text = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(text, headers=headers, media_type="application/json")
