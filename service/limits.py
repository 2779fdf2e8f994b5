"""Limits on the memory of requests and of their answers."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 20_000_000  # bytes of one request: photographs of phones have up to 15 million
MAX_HELD = 200_000_000  # bytes of all bodies, and of answers that wait for their clients


class Limits:
    """ASGI middleware that stops reading bodies when one or all together are too large."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        digits = headers.get("content-length", "0")
        announced = int(digits) if len(digits) < 20 else MAX_BODY + 1
        coding = headers.get("content-encoding", "identity")
        received = held = 0

        def hold(size: int) -> None:
            nonlocal held
            held += size
            self.held += size

        async def limited_receive() -> Message:
            nonlocal received
            if coding != "identity":
                raise HTTPException(415, f"content-encoding {coding[:20]}; expected none")
            # An announced size is refused before the first byte is read.
            if max(received, announced) <= MAX_BODY:
                message = await receive()
                received += len(message.get("body", b""))
                hold(len(message.get("body", b"")))
            if max(received, announced) > MAX_BODY:
                raise HTTPException(
                    413,
                    f"a body of more than {MAX_BODY:,} bytes; send a smaller picture, or fewer",
                    {"connection": "close"},
                )
            if self.held > MAX_HELD:
                raise HTTPException(
                    503, "too many large requests at once; try again", {"retry-after": "1"}
                )
            return message

        async def held_send(message: Message) -> None:
            body = message.get("body", b"")
            if not body or message.get("more_body"):
                await send(message)
                return
            hold(len(body))
            await send({**message, "more_body": True})
            # uvicorn takes this one when the client has taken most of the one before.
            await send({"type": message["type"], "body": b""})

        try:
            await self.app(scope, limited_receive, held_send)
        finally:
            self.held -= held
