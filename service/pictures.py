"""The routes for pictures: /predict, /similar, /explain, /training-images."""

import asyncio
import base64
import io
from collections.abc import Callable
from typing import Annotated, Any, BinaryIO, TypeVar

import numpy as np
from fastapi import APIRouter, HTTPException, Query, Request, Response
from PIL import Image

from fashion_mnist.dataset import picture, picture_file
from fashion_mnist.inference import saliency
from service import errors, uploads
from service.answers import Explanation, Predictions, SimilarItems, answer
from service.counts import ANSWERING, DECODING, count_prediction
from service.loaded import FromApp, Loaded
from service.watch import MODEL

LONG = 2_000_000  # pixels and bytes whose decoding takes about a tenth of a second
SHOWN_SIDE = 256  # pixels, of the steps that /explain shows
TOP_EXPLAINED = 3
MARK = (255, 106, 0)  # the colour of what mattered

T = TypeVar("T")
Count = Annotated[int, Query(ge=1, le=100)]
Top = Annotated[int, Query(ge=1, le=256)]

router = APIRouter(tags=["Pictures"])


@router.post(
    "/predict",
    response_model=Predictions,
    responses=errors.REFUSALS,
    openapi_extra=uploads.SEVERAL_BODY,
)
async def predict(request: Request, loaded: FromApp, top: Top = 1) -> Response:
    """Classify one picture, sent as it is, or several in a form."""
    files = await uploads.pictures(request, loaded.pictures)
    if len(files) > 1:
        await loaded.pictures.run(request, uploads.refuse_too_many_pixels, files, is_long=True)
    predictions: list[dict[str, Any]] = []
    # A form has as many jobs at once as there are threads, so that others have their turns.
    for start in range(0, len(files), loaded.pictures.threads):
        some = files[start : start + loaded.pictures.threads]
        jobs = (_decoding(request, loaded, _verdict, name, file, top) for name, file in some)
        predictions += await asyncio.gather(*jobs)
    models = dict.fromkeys(prediction["model_sha256"] for prediction in predictions)
    return answer({"predictions": predictions}, {MODEL: ", ".join(models)})


@router.post(
    "/similar",
    response_model=SimilarItems,
    responses=errors.REFUSALS,
    openapi_extra=uploads.ONE_BODY,
)
async def similar(request: Request, loaded: FromApp, count: Count = 10) -> Response:
    """Find the training images that are most like a picture."""
    name, file = await uploads.picture(request, loaded.pictures)
    positions, cosines = await _decoding(request, loaded, _nearest, name, file, count)
    root = request.scope.get("root_path", "")
    items = [
        {
            "index": position,
            "class": loaded.cnn.spec.classes[loaded.index.labels[position]],
            "similarity": cosine,
            "image": f"{root}/training-images/{position}.png",
        }
        for position, cosine in zip(positions, cosines, strict=True)
    ]
    return answer({"similar": items})


@router.post(
    "/explain",
    response_model=Explanation,
    responses=errors.REFUSALS,
    openapi_extra=uploads.ONE_BODY,
)
async def explain(request: Request, loaded: FromApp) -> Response:
    """Show how the CNN reads a picture: its steps, which parts mattered, its top classes."""
    name, file = await uploads.picture(request, loaded.pictures)
    return answer(await _decoding(request, loaded, _explain, name, file))


@router.get(
    "/training-images/{position}.png",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}, **errors.REFUSALS},
)
async def training_image(position: int, loaded: FromApp) -> Response:
    """Return a training image as the model reads it."""
    images = loaded.index.images
    if not 0 <= position < len(images):
        raise HTTPException(404, f"no such image; there are 0 to {len(images) - 1}")
    return Response(
        _png(images[position]),
        media_type="image/png",
        headers={"cache-control": "max-age=3600"},
    )


async def _decoding(
    request: Request,
    loaded: Loaded,
    function: Callable[..., T],
    name: str,
    file: BinaryIO,
    *arguments: Any,
) -> T:
    """Call a function that decodes a picture, among long work if the picture is large."""

    def unless_long() -> T | None:
        if picture_file.work(file, name) > LONG:
            return None
        return function(loaded, name, file, *arguments)

    lane = loaded.pictures
    if (answered := await lane.run(request, unless_long)) is not None:
        return answered
    return await lane.run(request, function, loaded, name, file, *arguments, is_long=True)


def _verdict(loaded: Loaded, name: str, file: BinaryIO, top: int) -> dict[str, Any]:
    with DECODING.time():
        prepared = loaded.answering.prepare(file, name)
    with ANSWERING.time():
        (verdict,) = loaded.answering.answer([prepared], top)
    count_prediction(verdict)
    return {"file": name, **verdict, "model_sha256": loaded.cards[verdict["model"]].sha256}


def _nearest(
    loaded: Loaded, name: str, file: BinaryIO, count: int
) -> tuple[np.ndarray, np.ndarray]:
    with DECODING.time():
        pixels = picture.pixels(file, name, loaded.cnn.spec)
    with ANSWERING.time():
        return loaded.index.nearest(loaded.cnn(pixels[None]).features[0], count)


def _explain(loaded: Loaded, name: str, file: BinaryIO) -> dict[str, Any]:
    model = loaded.cnn
    with DECODING.time():
        steps = picture.steps(file, name, model.spec)
    losses = np.maximum(saliency.occlusion(model, steps[-1].pixels), 0)
    overlay = np.zeros((*losses.shape, 4), np.uint8)
    overlay[..., :3] = MARK
    overlay[..., 3] = 255 * losses / max(losses.max(), 1e-9)
    probabilities = model(steps[-1].pixels[None]).probabilities[0]
    return {
        "top": model.verdict(probabilities, TOP_EXPLAINED)["top"],
        "steps": [{"name": step.name, "image": _data_url(step.pixels)} for step in steps],
        "saliency": _data_url(overlay),
    }


def _png(pixels: np.ndarray) -> bytes:
    image = Image.fromarray(pixels)
    image.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def _data_url(pixels: np.ndarray) -> str:
    return f"data:image/png;base64,{base64.b64encode(_png(pixels)).decode()}"
