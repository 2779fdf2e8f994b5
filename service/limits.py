"""Limits on the memory of requests, and counts of requests for Prometheus."""

import time

from prometheus_client import Counter, Histogram
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 10_000_000  # bytes of one request's body
MAX_BODIES = 200_000_000  # bytes of all bodies in memory

REQUESTS = Counter("service_requests", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "service_request_seconds",
    "From the end of a request's head to the end of its response",
    ["route"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20),
)


class Limits:
    """ASGI middleware that stops reading bodies when one or all together are too large."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        digits = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        announced = int(digits) if len(digits) < 20 else MAX_BODY + 1
        received, status = 0, 500

        async def limited_receive() -> Message:
            nonlocal received
            # An announced size is refused before the first byte is read.
            if max(received, announced) <= MAX_BODY:
                message = await receive()
                received += len(message.get("body", b""))
                self.held += len(message.get("body", b""))
            if max(received, announced) > MAX_BODY:
                raise HTTPException(
                    413,
                    f"a body of more than {MAX_BODY:,} bytes; send a smaller picture, or fewer",
                    {"connection": "close"},
                )
            if self.held > MAX_BODIES:
                raise HTTPException(
                    503, "too many large requests at once; try again", {"retry-after": "1"}
                )
            return message

        async def watched_send(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, limited_receive, watched_send)
        finally:
            self.held -= received
            route = getattr(scope.get("route"), "path", "other")
            REQUESTS.labels(scope["method"], route, status).inc()
            SECONDS.labels(route).observe(time.perf_counter() - started)
