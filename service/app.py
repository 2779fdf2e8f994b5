"""The application: models, middleware, and where the routes are.

`pictures` has the routes for pictures, `inference_protocol` those below /v2; the page and /metrics
are here.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from fashion_mnist.inference.onnx_model import OnnxModel
from fashion_mnist.inference.similarity import Index
from fashion_mnist.version import VERSION
from service import errors, inference_protocol, pictures
from service.limits import Limits
from service.loaded import MODELS, Loaded

PAGE = Path(__file__).parent / "page"
PAGE_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
# Model calls at once, and pictures being decoded, each of which may take 360 MB.
THREADS = 2

operation = APIRouter()


def create_app(models: Path) -> FastAPI:
    """Load the models and the index from the folder `models`, and return the application.

    Raises:
        InputError: a file is missing or damaged, or the files do not belong together.
    """
    app = FastAPIOffline(
        title="Fashion-MNIST",
        description="Which of ten kinds of garment a picture shows, and what looks like it.",
        version=VERSION,
        redoc_url=None,
    )
    app.state.loaded = load(models)
    app.add_middleware(Limits)
    errors.install(app)
    app.mount("/page", StaticFiles(directory=PAGE))
    for router in (operation, pictures.router, inference_protocol.router):
        app.include_router(router)
    return app


def load(models: Path) -> Loaded:
    """Load the models and the index of training images from a folder.

    Raises:
        InputError: a file is missing or damaged, or the files do not belong together.
    """
    return Loaded(
        models={name: OnnxModel(models / f"{name}.onnx", threads=1) for name in MODELS},
        index=Index.load(models / "similar", models / "cnn.onnx"),
        threads=ThreadPoolExecutor(THREADS),
    )


@operation.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
async def page() -> Response:
    return FileResponse(PAGE / "index.html", headers=PAGE_HEADERS)


@operation.get("/metrics", tags=["Operation"], response_class=Response)
async def metrics() -> Response:
    """Return the metrics that Prometheus collects."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
