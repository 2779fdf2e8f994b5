"""The application: models, middleware, and where the routes are.

`pictures` has the routes for pictures, `teaching` that for classes of one's own,
`inference_protocol` those below /v2; the page and /metrics are here.
"""

from pathlib import Path

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp

from fashion_mnist.errors import InputError
from fashion_mnist.inference import answers, samples
from fashion_mnist.inference.answers import Models
from fashion_mnist.inference.onnx_model import OnnxModel
from fashion_mnist.inference.photograph_model import PhotographModel
from fashion_mnist.inference.similarity import Index
from fashion_mnist.version import VERSION
from service import cards, errors, inference_protocol, page, pictures, teaching
from service.lanes import Lane
from service.limits import Limits
from service.loaded import FromApp, Loaded
from service.watch import PAGE_POLICY, Watch

operation = APIRouter()


def create_app(models: Path, head: Path | None, threads: int, log: bool) -> ASGIApp:
    """Load the models and the index from the folder `models`, and return the application.

    Args:
        models: what the stages wrote.
        head: what `teach` wrote, to answer with about every picture.
        threads: for pictures; as many are for tensors.
        log: whether each request gets a line on stderr.

    Raises:
        InputError: a file is missing or damaged, or the files do not belong together.
    """
    loaded = load(models, head, threads)
    spec = loaded.cnn.spec
    app = FastAPIOffline(
        title=spec.title,
        description=f"Which of {len(spec.classes)} classes a picture belongs to, and what looks "
        f"like the {spec.item} on it.",
        version=VERSION,
        redoc_url=None,
    )
    app.state.loaded = loaded
    app.add_middleware(Limits)
    errors.install(app)
    app.mount("/page", StaticFiles(directory=page.FOLDER))
    for router in (operation, pictures.router, teaching.router, inference_protocol.router):
        app.include_router(router)
    app.openapi_schema = inference_protocol.with_shape(app.openapi(), spec)
    return Watch(app, log)


def load(models: Path, head: Path | None, threads: int) -> Loaded:
    """Load the models and the index of training images from a folder, and a head to answer with.

    Raises:
        InputError: a file is missing or damaged, or the files do not belong together.
    """
    # Those of the pipeline and whatever else is there; without the CNN nothing works.
    paths = {models / answers.IMAGES, *models.glob("*.onnx")} - {models / answers.PHOTOGRAPHS}
    loaded = {path.stem: OnnxModel(path, threads=1) for path in sorted(paths)}
    spec = loaded["cnn"].spec
    for name, model in loaded.items():
        if model.spec != spec:
            raise InputError(
                f"{models / name}.onnx: a model of {model.spec.title}, but cnn.onnx is one of "
                f"{spec.title}; make them again with `dvc repro export`"
            )
    found = samples.read(models / "samples")
    answering = Models.load(models, head, threads=1)
    return Loaded(
        answering=answering,
        network=PhotographModel(models / answers.PHOTOGRAPHS, threads=1),
        models=loaded,
        cards=cards.read(models, [*loaded, answers.PHOTOGRAPHS.stem], head),
        samples=found,
        page=page.render(spec, list(found), answering),
        index=Index.load(models / "similar", models / "cnn.onnx"),
        pictures=Lane("pictures", threads),
        tensors=Lane("tensors", threads),
        teaching=Lane("teaching", 1),
    )


@operation.get("/", include_in_schema=False)
async def show_page(loaded: FromApp) -> Response:
    return HTMLResponse(loaded.page, headers={"content-security-policy": PAGE_POLICY})


@operation.get("/samples/{label}.png", include_in_schema=False)
async def sample(label: int, loaded: FromApp) -> Response:
    if label not in loaded.samples:
        raise HTTPException(404, "no such sample")
    return Response(loaded.samples[label], media_type="image/png")


@operation.get("/metrics", tags=["Operation"], response_class=Response)
async def metrics() -> Response:
    """Return the metrics that Prometheus collects."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
