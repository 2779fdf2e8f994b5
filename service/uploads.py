"""The pictures in a request's body: one as the body, or several in a form."""

import io
from typing import BinaryIO

from fastapi import HTTPException, Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile

MAX_FILES = 100

_PICTURE = {"type": "string", "format": "binary"}
# For the OpenAPI document, because FastAPI does not read the body.
ONE = {f"image/{kind}": {"schema": _PICTURE} for kind in ("png", "jpeg", "webp", "gif", "bmp")}
ONE_BODY = {"requestBody": {"required": True, "content": ONE}}
SEVERAL_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            **ONE,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {
                            "type": "array",
                            "items": _PICTURE,
                            "minItems": 1,
                            "maxItems": MAX_FILES,
                        }
                    },
                },
            },
        },
    }
}


async def pictures(request: Request) -> list[tuple[str, BinaryIO]]:
    """Return name and bytes of each picture in the body; a picture without a name is "picture".

    Raises:
        HTTPException: the content type is neither a picture nor a form, or the form has no files.
    """
    header, options = parse_options_header(request.headers.get("content-type", "none"))
    kind = header.decode("latin-1")
    if kind.startswith("image/"):
        return [("picture", io.BytesIO(await request.body()))]
    if kind != "multipart/form-data":
        raise HTTPException(
            415,
            f"content-type {kind}; expected multipart/form-data (curl -F files=@photo.jpg) or "
            "image/... (curl --data-binary @photo.jpg -H 'content-type: image/jpeg')",
        )
    if options.get(b"charset", b"utf-8").lower() != b"utf-8":
        raise HTTPException(415, "charset: expected utf-8 or none")
    async with request.form(max_files=MAX_FILES, max_fields=MAX_FILES) as form:
        files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        if not files:
            raise HTTPException(422, "the form has no files; expected at least one picture")
        return [(file.filename or "picture", io.BytesIO(await file.read())) for file in files]


async def picture(request: Request) -> tuple[str, BinaryIO]:
    """Return name and bytes of the only picture in the body.

    Raises:
        HTTPException: as `pictures`, or the body has several pictures.
    """
    found = await pictures(request)
    if len(found) > 1:
        raise HTTPException(422, f"{len(found)} pictures; expected one")
    return found[0]
