"""The Open Inference Protocol, version 2 over HTTP, with its extension for binary tensors.

Source: KServe's documentation, "Open Inference Protocol (V2 Inference Protocol)" and "Binary
Tensor Data Extension".
"""

import asyncio
import gc
import math
from http import HTTPStatus
from itertools import chain
from typing import Annotated, Any, Literal

import numpy as np
import orjson
from fastapi import APIRouter, HTTPException, Path, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from fashion_mnist.dataset.spec import Spec
from fashion_mnist.inference.onnx_model import INPUT, OUTPUTS, InputName, OnnxModel, OutputName
from service.counts import ANSWERING
from service.errors import REFUSALS, describe
from service.loaded import FromApp, Loaded
from service.watch import MODEL

MAX_IMAGES = 1024
LONG = 262_144  # bytes of JSON or of pixels that take a few tenths of a second
MARKS = 1000  # of each kind, in a request's JSON beside the images
VALUE, BESIDE = 8, 65_536  # bytes of JSON: of a pixel, on average; beside the images
HEAD_LENGTH = "inference-header-content-length"

router = APIRouter(prefix="/v2", tags=["Open Inference Protocol"])


def _whole(value: Any) -> Any:
    """Return 1 for 1.0, which JSON does not distinguish."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Size = Annotated[int, Field(strict=True, ge=0), BeforeValidator(_whole)]
ModelName = Annotated[str, Path(examples=["cnn"])]


class Parameters(BaseModel):
    """Parameters of tensors; only those of the binary extension have an effect."""

    model_config = ConfigDict(strict=True)
    binary_data_size: Size | None = None
    binary_data: bool | None = None
    binary_data_output: bool = False


class RequestInput(BaseModel):
    model_config = ConfigDict(strict=True)
    name: InputName
    datatype: Literal["UINT8"]
    # As the models read images; `with_shape` writes into the OpenAPI document what that is.
    shape: Annotated[list[Size], Field(min_length=3, max_length=4)]
    parameters: Parameters = Parameters()
    data: Annotated[
        list[Any] | None,
        Field(description="integers 0 to 255, flat in row-major order, or nested like the shape"),
    ] = None


class RequestOutput(BaseModel):
    model_config = ConfigDict(strict=True)
    name: OutputName
    parameters: Parameters = Parameters()


class InferenceRequest(BaseModel):
    model_config = ConfigDict(strict=True)
    id: Annotated[str, Field(max_length=256)] | None = None
    parameters: Parameters = Parameters()
    inputs: Annotated[list[RequestInput], Field(min_length=1, max_length=1)]
    # At most one of each, because an output costs memory.
    outputs: Annotated[list[RequestOutput], Field(max_length=3)] | None = None


ALL_OUTPUTS = [RequestOutput(name=name) for name in OUTPUTS]


class Tensor(BaseModel):
    """An input or output of a model; -1 stands for the number of images."""

    name: str
    datatype: str
    shape: list[int]


class ServerMetadata(BaseModel):
    name: str
    version: str
    extensions: list[str]


class ModelMetadata(BaseModel):
    """What the protocol asks for, and which model it is.

    sha256: of its file; accuracy: on the test images; tag, commit: of a promoted model; made_from:
    the SHA-256 of the files that it was made from, by path.
    """

    name: str
    platform: str
    sha256: str
    accuracy: float | None
    tag: str
    commit: str
    made_from: dict[str, str]
    inputs: list[Tensor]
    outputs: list[Tensor]


class ModelReady(BaseModel):
    name: str
    ready: bool


class ResponseOutput(Tensor):
    data: list[float] | None = None
    parameters: dict[str, int] | None = None


class InferenceResponse(BaseModel):
    model_name: str
    id: str | None = None
    outputs: list[ResponseOutput]


def _without_references(model: type[BaseModel]) -> dict[str, Any]:
    """Return a JSON schema without references, which FastAPI leaves unresolved in openapi_extra."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs")

    def resolved(part: Any) -> Any:
        if isinstance(part, list):
            return [resolved(item) for item in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return resolved(definitions[part["$ref"].rpartition("/")[2]])
        return {key: resolved(value) for key, value in part.items()}

    return resolved(schema)


def with_shape(document: dict[str, Any], spec: Spec) -> dict[str, Any]:
    """Return an OpenAPI document that says which shape the models' input has."""
    infer = document["paths"]["/v2/models/{name}/infer"]["post"]
    schema = infer["requestBody"]["content"]["application/json"]["schema"]
    schema["properties"]["inputs"]["items"]["properties"]["shape"] = {
        "type": "array",
        "prefixItems": [
            {"type": "integer", "minimum": 1, "maximum": MAX_IMAGES},
            *({"const": length} for length in spec.pixels_shape),
        ],
        "minItems": 1 + len(spec.pixels_shape),
        "maxItems": 1 + len(spec.pixels_shape),
    }
    return document


@router.get("")
async def server_metadata(request: Request) -> ServerMetadata:
    return ServerMetadata(
        name=request.app.title, version=request.app.version, extensions=["binary_tensor_data"]
    )


@router.get("/health/live")
async def server_live() -> dict[str, bool]:
    return {"live": True}


@router.get("/health/ready", responses={503: {"model": dict[str, bool]}})
async def server_ready(loaded: FromApp, response: Response) -> dict[str, bool]:
    """Say whether a picture and a tensor of a new client would get a thread within a second."""
    lanes = loaded.pictures, loaded.tensors
    is_ready = all(await asyncio.gather(*(lane.is_ready() for lane in lanes)))
    response.status_code = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    return {"ready": is_ready}


@router.get("/models/{name}", responses=REFUSALS)
async def model_metadata(name: ModelName, loaded: FromApp) -> ModelMetadata:
    model, card = _find(loaded, name), loaded.cards[name]
    return ModelMetadata(
        name=name,
        platform="onnxruntime_onnx",
        sha256=card.sha256,
        accuracy=card.content.get("test", {}).get("accuracy"),
        tag=card.promotion.tag,
        commit=card.promotion.commit,
        made_from=card.content.get("sha256", {}),
        inputs=[Tensor(name=INPUT, datatype="UINT8", shape=[-1, *model.spec.pixels_shape])],
        outputs=[
            Tensor(name=output, datatype="FP32", shape=[-1, units])
            for output, units in model.output_units.items()
        ],
    )


@router.get("/models/{name}/card", responses=REFUSALS)
async def model_card(name: ModelName, loaded: FromApp) -> dict[str, Any]:
    """Return what the stage wrote beside the model: its data, settings and test results."""
    if name not in loaded.cards:
        raise HTTPException(404, f"model {name}: not found; there are {', '.join(loaded.cards)}")
    return loaded.cards[name].content


@router.get("/models/{name}/ready", responses=REFUSALS)
async def model_ready(name: ModelName, loaded: FromApp) -> ModelReady:
    _find(loaded, name)
    return ModelReady(name=name, ready=True)


@router.post(
    "/models/{name}/infer",
    response_model=InferenceResponse,
    responses={200: {"content": {"application/octet-stream": {}}}, **REFUSALS},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _without_references(InferenceRequest)}},
        }
    },
)
async def infer(name: ModelName, request: Request, loaded: FromApp) -> Response:
    """Run a model on raw images; GET the model for their shape.

    Without names of outputs, all outputs come. Inputs and outputs may be binary, as in the
    protocol's extension.
    """
    model = _find(loaded, name)
    body = await request.body()
    head, tail = _split(body, request.headers.get(HEAD_LENGTH), model.spec)
    is_long = len(head) > LONG or len(tail) > LONG
    response = await loaded.tensors.run(request, _infer, name, model, head, tail, is_long=is_long)
    response.headers[MODEL] = loaded.cards[name].sha256
    return response


def _find(loaded: Loaded, name: str) -> OnnxModel:
    if name not in loaded.models:
        raise HTTPException(404, f"model {name}: not found; there are {', '.join(loaded.models)}")
    return loaded.models[name]


def _split(body: bytes, head_length: str | None, spec: Spec) -> tuple[bytes, memoryview]:
    """Split a body into its JSON and the binary data behind it.

    Raises:
        HTTPException: the JSON is longer than the body, or than that of any request: no other
            thread runs while it is parsed.
    """
    length = len(body)
    if head_length is not None:
        is_number = head_length.isascii() and head_length.isdigit() and len(head_length) < 20
        if not is_number or int(head_length) > len(body):
            raise HTTPException(
                400,
                f"{HEAD_LENGTH}: {head_length[:20]}; expected at most the body's {len(body)} bytes",
            )
        length = int(head_length)
    longest = VALUE * MAX_IMAGES * math.prod(spec.pixels_shape) + BESIDE
    if length > longest:
        raise HTTPException(
            413,
            f"JSON of {length:,} bytes; expected at most {longest:,}, as of {MAX_IMAGES:,} images; "
            "send fewer, without indentation, or as binary data",
        )
    return body[:length], memoryview(body)[length:]


def _infer(name: str, model: OnnxModel, head: bytes, tail: memoryview) -> Response:
    _refuse_what_costs_too_much(head, model.spec)
    try:
        request = InferenceRequest.model_validate(_parsed(head))
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from None
    except ValidationError as error:
        raise HTTPException(422, describe(error)) from None
    wanted = request.outputs or ALL_OUTPUTS
    images = _images(request.inputs[0], model.spec, tail)
    with ANSWERING.time():
        arrays = model.outputs([output.name for output in wanted], images)

    described: list[dict[str, Any]] = []
    binary: list[bytes] = []
    for output, array in zip(wanted, arrays, strict=True):
        entry = {"name": output.name, "datatype": "FP32", "shape": array.shape}
        is_binary = output.parameters.binary_data
        if request.parameters.binary_data_output if is_binary is None else is_binary:
            binary.append(array.astype("<f4").tobytes())
            described.append(entry | {"parameters": {"binary_data_size": len(binary[-1])}})
        else:
            described.append(entry | {"data": array.ravel()})
    answer = {"model_name": name, "outputs": described}
    if request.id is not None:
        answer["id"] = request.id
    # orjson writes a float32 with no more digits than it has.
    content = orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
    if not binary:
        return Response(content, media_type="application/json")
    return Response(
        b"".join([content, *binary]),
        media_type="application/octet-stream",
        headers={HEAD_LENGTH: str(len(content))},
    )


def _parsed(head: bytes) -> Any:
    """Parse JSON; the garbage collector would pass over its new lists again and again."""
    gc.disable()
    try:
        return orjson.loads(head)
    finally:
        gc.enable()


def _refuse_what_costs_too_much(head: bytes, spec: Spec) -> None:
    """Refuse JSON that is no request, by its marks: each value takes memory and time to parse."""
    rows = MAX_IMAGES * math.prod(spec.pixels_shape[:-1])
    most = {b",": MAX_IMAGES * math.prod(spec.pixels_shape) + MARKS, b"[": 2 * rows + MARKS}
    for mark in (b"{", b'"'):
        most[mark] = MARKS
    codes = np.frombuffer(head, np.uint8)
    for mark, count in most.items():
        # Others may compute meanwhile, unlike in head.count.
        if (found := np.count_nonzero(codes == ord(mark))) > count:
            raise HTTPException(
                413,
                f"JSON with {found:,} times {mark.decode()}; expected at most {count:,}, as of "
                f"{MAX_IMAGES:,} images",
            )


def _images(tensor: RequestInput, spec: Spec, tail: memoryview) -> np.ndarray:
    """Return the input as uint8 (n, *spec.pixels_shape)."""
    count, *shape = tensor.shape
    if not 1 <= count <= MAX_IMAGES or tuple(shape) != spec.pixels_shape:
        raise HTTPException(
            422,
            f"images: shape {tensor.shape}; expected 1 to {MAX_IMAGES} images of "
            f"{list(spec.pixels_shape)}",
        )
    expected = math.prod(tensor.shape)
    size = tensor.parameters.binary_data_size
    if size is not None:
        if not size == len(tail) == expected or tensor.data is not None:
            raise HTTPException(
                422,
                f"images: binary_data_size {size}, {len(tail)} bytes behind the JSON; expected "
                f"{expected} of both for shape {list(tensor.shape)}, and no data",
            )
        return np.frombuffer(tail, np.uint8).reshape(tensor.shape)
    values = tensor.data or []
    for length in tensor.shape[1:]:
        if values and isinstance(values[0], list):
            if any(not isinstance(value, list) or len(value) != length for value in values):
                raise HTTPException(422, f"images: data is not nested like {list(tensor.shape)}")
            values = list(chain.from_iterable(values))
    if len(values) != expected or tail:
        raise HTTPException(
            422,
            f"images: {len(values)} values in data; expected {expected} for shape "
            f"{list(tensor.shape)}, and nothing behind the JSON",
        )
    try:
        if bool in set(map(type, values)):  # bytes() would read 0 and 1
            raise ValueError
        return np.frombuffer(bytes(values), np.uint8).reshape(tensor.shape)
    except (TypeError, ValueError):
        raise HTTPException(422, "images: data must be integers from 0 to 255") from None
