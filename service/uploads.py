"""The pictures in a request's body: one as the body, or several in a form."""

import asyncio
import io
import logging
import math
import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from email.message import Message
from typing import BinaryIO

from fastapi import HTTPException, Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from fashion_mnist.dataset import picture_file
from fashion_mnist.errors import InputError
from service.lanes import Lane
from service.limits import MAX_BODY

logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of odd forms

MAX_FILES = 100
MAX_EXAMPLES = 400  # which take ten seconds
CHANCE = 100  # boundaries that a picture's bytes may look like
MAX_PIXELS = 160_000_000  # of all pictures in a form: as many as photographs of its size have

_PICTURE = {"type": "string", "format": "binary"}
# For the OpenAPI document, because FastAPI does not read the body.
ONE = {f"image/{kind}": {"schema": _PICTURE} for kind in ("png", "jpeg", "webp", "gif", "bmp")}
ONE_BODY = {"requestBody": {"required": True, "content": ONE}}
EXAMPLES_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "description": "a field for each class, with its pictures",
                    "minProperties": 2,
                    "additionalProperties": {"type": "array", "items": _PICTURE, "minItems": 2},
                },
            },
        },
    }
}
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


async def pictures(request: Request, lane: Lane) -> list[tuple[str, BinaryIO]]:
    """Return name and bytes of each picture in the body; a picture without a name is "picture".

    Raises:
        HTTPException: the content type is neither a picture nor a form, or the form has no files.
    """
    kind, _ = _content_type(request)
    if kind.startswith("image/"):
        return [("picture", io.BytesIO(await request.body()))]
    return [(name, file) for _, name, file in await _form(request, lane, MAX_FILES)]


async def examples(request: Request, lane: Lane) -> list[tuple[str, str, BinaryIO]]:
    """Return field, which is the class, name and bytes of each picture in a form.

    Raises:
        HTTPException: the body is no form, or the form has no files.
    """
    return await _form(request, lane, MAX_EXAMPLES)


async def _form(request: Request, lane: Lane, most: int) -> list[tuple[str, str, BinaryIO]]:
    kind, options = _content_type(request)
    if kind != "multipart/form-data":
        raise HTTPException(
            415,
            f"content-type {kind}; expected multipart/form-data (curl -F files=@photo.jpg) or "
            "image/... (curl --data-binary @photo.jpg -H 'content-type: image/jpeg')",
        )
    if options.get(b"charset", b"utf-8").lower() != b"utf-8":
        raise HTTPException(415, "charset: expected utf-8 or none")
    body = await request.body()
    boundary = options.get(b"boundary", b"")
    # The parser is written in Python.
    found = await lane.run(request, _parse, request.headers, body, boundary, most, is_long=True)
    if not found:
        raise HTTPException(422, "the form has no files; expected at least one picture")
    return found


def _parse(
    headers: Headers, body: bytes, boundary: bytes, most: int
) -> list[tuple[str, str, BinaryIO]]:
    _refuse_odd_boundaries(body, boundary, most)

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = _InMemory(headers, stream(), max_files=most, max_fields=most)
    try:
        form = asyncio.run(parser.parse())
    except MultiPartException as error:
        raise HTTPException(400, error.message) from None
    return [
        (field, value.filename or "picture", value.file)
        for field, value in form.multi_items()
        if isinstance(value, UploadFile)
    ]


def _refuse_odd_boundaries(body: bytes, boundary: bytes, most: int) -> None:
    """Refuse a form whose boundaries take the parser seconds.

    Raises:
        HTTPException: there are many more of them than parts, or blanks follow one of them.
    """
    mark = b"--" + boundary
    if body.count(b"\r\n" + mark) > 2 * most + CHANCE:
        raise HTTPException(400, f"a form of too many parts; expected at most {most:,} files")
    if re.search(re.escape(mark) + rb"[ \t]{100}", body):
        raise HTTPException(400, "a form's boundary that blanks follow; expected the end of a line")


def refuse_too_many_pixels(files: Iterable[tuple[str, BinaryIO]]) -> None:
    """Refuse the pictures of a form that would take more than seconds to decode.

    Raises:
        HTTPException: they have too many pixels together.
    """
    pixels = 0
    for name, file in files:
        with suppress(InputError):  # whoever decodes it says what is wrong
            pixels += math.prod(picture_file.size(file, name))
    if pixels > MAX_PIXELS:
        raise HTTPException(
            413,
            f"pictures of {pixels:,} pixels together, expected at most {MAX_PIXELS:,}; send fewer, "
            "or smaller ones",
        )


class _InMemory(MultiPartParser):
    """Starlette's parser; it writes no file to disk, and knows a file that has only `filename*`.

    RFC 7578, section 4.2, forbids `filename*` in forms, but some clients send it with names that
    are not ASCII.
    """

    spool_max_size = MAX_BODY

    def on_headers_finished(self) -> None:
        part = self._current_part
        disposition = part.content_disposition or b""
        if b"filename*" in disposition and b"filename=" not in disposition:
            header = Message()
            header["content-disposition"] = disposition.decode("latin-1")
            name = (header.get_filename() or "").replace('"', "'")
            part.content_disposition = disposition + b'; filename="%b"' % name.encode()
        super().on_headers_finished()


def _content_type(request: Request) -> tuple[str, dict[bytes, bytes]]:
    header, options = parse_options_header(request.headers.get("content-type", "none"))
    return header.decode("latin-1"), options


async def picture(request: Request, lane: Lane) -> tuple[str, BinaryIO]:
    """Return name and bytes of the only picture in the body.

    Raises:
        HTTPException: as `pictures`, or the body has several pictures.
    """
    found = await pictures(request, lane)
    if len(found) > 1:
        raise HTTPException(422, f"{len(found)} pictures; expected one")
    return found[0]
