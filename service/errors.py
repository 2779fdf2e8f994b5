"""Refusals: JSON with the reason."""

import reprlib
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from fashion_mnist.errors import InputError
from service.counts import count_refusal


class Refusal(BaseModel):
    """Why a request was refused, and what to do about it."""

    error: str


# For the OpenAPI document.
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": description}
    for status, description in (
        ("4XX", "The request is refused; the body says why."),
        (503, "Too much at once; try again."),
    )
}


def describe(error: ValidationError | RequestValidationError) -> str:
    """Return one line about the first mistake."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "the body"
    if first["type"] in ("model_type", "model_attributes_type"):
        return f"{where}: expected an object with keys"
    found = first["input"]
    rule = first["msg"].replace("Input should be", "expected")
    if isinstance(found, str | int | float) and rule != first["msg"]:
        return f"{where}: {reprlib.repr(found)} found, {rule}"
    return f"{where}: {rule}"


def install(app: FastAPI) -> None:
    """Turn every exception of the application into a JSON response."""

    def refuse(status: int, reason: str, headers: Any = None) -> Response:
        count_refusal(status)
        # As InputError cuts it: a reason may quote what a client has sent.
        return JSONResponse({"error": str(InputError(reason))}, status, headers)

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> Response:
        return refuse(error.status_code, error.detail, error.headers)

    @app.exception_handler(InputError)
    async def _(request: Request, error: InputError) -> Response:
        return refuse(422, str(error))

    @app.exception_handler(RequestValidationError)
    async def _(request: Request, error: RequestValidationError) -> Response:
        return refuse(422, describe(error))

    @app.exception_handler(MemoryError)
    async def _(request: Request, error: MemoryError) -> Response:
        return refuse(503, "not enough memory; try again", {"retry-after": "1"})

    @app.exception_handler(ClientDisconnect)
    async def _(request: Request, error: ClientDisconnect) -> Response:
        return refuse(408, "the connection was closed before the whole request arrived")

    @app.exception_handler(Exception)
    async def _(request: Request, error: Exception) -> Response:
        return refuse(500, "an error of this service; see its log")
