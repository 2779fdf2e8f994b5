"""The application: the page, /predict, /similar, /explain, /v2 and /metrics."""

import asyncio
import base64
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import numpy as np
from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from PIL import Image
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from fashion_mnist import picture, saliency
from fashion_mnist.classifier import Answer, Classifier
from fashion_mnist.similarity import Index
from service import errors, inference_protocol, uploads
from service.answers import Explanation, Predictions, SimilarItems, answer
from service.limits import Limits

VERSION = "1.0.0"
PAGE = Path(__file__).parent / "page"
PAGE_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
# Networks by their names in URLs; /predict, /similar and /explain ask cnn.
NETWORKS = ("cnn", "cnn_int8", "mlp")
# Calls of a network at once, and pictures being decoded, which may take 360 MB each.
THREADS = 2
SHOWN_SIDE = 256  # pixels, of the steps that /explain shows

Count = Annotated[int, Query(ge=1, le=100)]
Top = Annotated[int, Query(ge=1, le=10)]


def create_app(models: Path) -> FastAPI:
    """Load the networks and the index from the folder `models`, and return the application.

    Raises:
        InputError: one of them is missing or damaged, or they do not belong together.
    """
    networks = {name: Classifier(models / f"{name}.onnx", threads=1) for name in NETWORKS}
    cnn = networks["cnn"]
    index = Index.load(models / "similar", models / "cnn.onnx")
    threads = ThreadPoolExecutor(THREADS)

    async def in_thread(function: Callable, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(threads, function, *arguments)

    app = FastAPIOffline(
        title="Fashion-MNIST",
        description="Which of ten kinds of garment a picture shows, and what looks like it.",
        version=VERSION,
        redoc_url=None,
    )
    app.add_middleware(Limits)
    errors.install(app)
    app.mount("/page", StaticFiles(directory=PAGE))

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page() -> Response:
        return FileResponse(PAGE / "index.html", headers=PAGE_HEADERS)

    @app.post(
        "/predict",
        tags=["Pictures"],
        response_model=Predictions,
        responses=errors.REFUSALS,
        openapi_extra=uploads.SEVERAL_BODY,
    )
    async def predict(request: Request, top: Top = 1) -> Response:
        """Say what each picture shows: one picture as it is, or several in a form."""
        files = await uploads.pictures(request)
        answers = await in_thread(_classify, cnn, files)
        return answer(
            {
                "predictions": [
                    {"file": name, **cnn.verdict(probabilities, top)}
                    for (name, _), probabilities in zip(files, answers.probabilities, strict=True)
                ]
            }
        )

    @app.post(
        "/similar",
        tags=["Pictures"],
        response_model=SimilarItems,
        responses=errors.REFUSALS,
        openapi_extra=uploads.ONE_BODY,
    )
    async def similar(request: Request, count: Count = 10) -> Response:
        """Find the training images that are most like a picture."""
        answers = await in_thread(_classify, cnn, [await uploads.picture(request)])
        positions, cosines = await in_thread(index.nearest, answers.features[0], count)
        return answer(
            {
                "similar": [
                    {
                        "index": position,
                        "class": cnn.classes[index.labels[position]],
                        "similarity": cosine,
                        "image": f"/training-images/{position}.png",
                    }
                    for position, cosine in zip(positions, cosines, strict=True)
                ]
            }
        )

    @app.post(
        "/explain",
        tags=["Pictures"],
        response_model=Explanation,
        responses=errors.REFUSALS,
        openapi_extra=uploads.ONE_BODY,
    )
    async def explain(request: Request) -> Response:
        """Show how a picture became what the network reads, and where the answer rests on it."""
        return answer(await in_thread(_explain, cnn, *await uploads.picture(request)))

    @app.get(
        "/training-images/{position}.png",
        tags=["Pictures"],
        response_class=Response,
        responses={200: {"content": {"image/png": {}}}, **errors.REFUSALS},
    )
    async def training_image(position: int) -> Response:
        """Return a training image, 28x28."""
        if not 0 <= position < len(index.images):
            raise HTTPException(404, f"no such image; there are 0 to {len(index.images) - 1}")
        return Response(
            _png(index.images[position]),
            media_type="image/png",
            headers={"cache-control": "max-age=3600"},
        )

    app.include_router(inference_protocol.router(networks, threads, VERSION))

    @app.get("/metrics", tags=["Operation"], response_class=Response)
    async def metrics() -> Response:
        """Return the figures that Prometheus collects."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


def _classify(classifier: Classifier, files: list[tuple[str, BinaryIO]]) -> Answer:
    return classifier(np.stack([picture.pixels(file, name) for name, file in files]))


def _explain(classifier: Classifier, name: str, file: BinaryIO) -> dict[str, Any]:
    steps = picture.steps(file, name)
    falls = np.maximum(saliency.occlusion(classifier, steps[-1].pixels), 0)
    overlay = np.zeros((*falls.shape, 4), np.uint8)
    overlay[...] = (255, 106, 0, 0)
    overlay[..., 3] = 255 * falls / max(falls.max(), 1e-9)
    return {
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
