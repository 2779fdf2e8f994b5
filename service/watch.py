"""What every request gets: an id, headers, counts for Prometheus, and a line in the log."""

import asyncio
import re
import sys
import time
import uuid
from datetime import UTC, datetime
from http import HTTPStatus

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.counts import REQUESTS, SECONDS

ID = "x-request-id"
MODEL = "x-model-sha256"
_NO_FRAMES = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
DATA_POLICY = f"default-src 'none'; {_NO_FRAMES}"
PAGE_POLICY = f"default-src 'self'; img-src 'self' data: blob:; {_NO_FRAMES}"
# The page of the API's documentation has a script and styles within it.
DOCS_POLICY = f"{PAGE_POLICY}; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"
STOPPING = JSONResponse(
    {"error": "the service is stopping; try again"},
    HTTPStatus.SERVICE_UNAVAILABLE,
    {"retry-after": "1", "connection": "close"},
)
# An id, and a path prefix, that a client or a proxy may choose: short and without odd characters.
_ID, _PREFIX = re.compile(r"[\w.:/+=-]{1,100}", re.ASCII), re.compile(r"(/[\w.~-]+){1,9}", re.ASCII)


class Watch:
    """ASGI middleware around the whole application.

    It also answers HEAD wherever GET is answered, and knows the prefix that a proxy has cut off.
    """

    def __init__(self, app: ASGIApp, log: bool) -> None:
        self.app, self.log = app, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        # A copy: uvicorn must still see HEAD, to leave the body out.
        scope = {**scope}
        started, asked = time.perf_counter(), Headers(scope=scope)
        method, given = scope["method"], asked.get(ID, "")
        own_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        prefix = asked.get("x-forwarded-prefix", "").rstrip("/")
        if _PREFIX.fullmatch(prefix) and not scope.get("root_path"):
            scope["root_path"] = prefix
            scope["path"] = prefix + scope["path"]
        if method == "HEAD":
            scope["method"] = "GET"
        status, received, sent, answered = 500, 0, 0, Headers()

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        async def watched(message: Message) -> None:
            nonlocal status, sent, answered
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[ID] = own_id
                is_docs = headers.get("content-type", "").startswith("text/html")
                headers.setdefault(
                    "content-security-policy", DOCS_POLICY if is_docs else DATA_POLICY
                )
                # The page's files belong together, and an answer to its request.
                headers.setdefault("cache-control", "no-cache")
                headers["referrer-policy"] = "no-referrer"
                headers["x-content-type-options"] = "nosniff"
                answered = Headers(raw=headers.raw)
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, counted, watched)
        except asyncio.CancelledError:  # the end of the service; another process may answer
            if not answered:
                await STOPPING(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            seconds = time.perf_counter() - started
            REQUESTS.labels(method, route, status).inc()
            SECONDS.labels(route).observe(seconds)
            if self.log:
                _write(
                    {
                        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                        "id": own_id,
                        "given_id": given[:100],
                        "client": scope["client"][0] if scope["client"] else "",
                        "method": method,
                        "route": route,
                        "status": status,
                        "milliseconds": round(1000 * seconds, 1),
                        "bytes_in": received,
                        "bytes_out": sent,
                        "model_sha256": answered.get(MODEL, ""),
                    }
                )


def _write(line: dict) -> None:
    print(orjson.dumps(line).decode(), file=sys.stderr, flush=True)
