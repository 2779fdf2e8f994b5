"""Requests that take too long to arrive are refused, and their connections closed."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

REASON = b'{"error":"the request took too long to arrive"}'
RESPONSE = (
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(REASON), REASON)
)


class ImpatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which by itself waits for the rest of a request for ever.

    Attributes:
        arrival_timeout: seconds from the opening of a connection, or a request's first byte, to
            its last byte.
    """

    arrival_timeout = 20.0
    arrival_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._start_timer()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._start_timer()

    def on_message_complete(self) -> None:
        self._stop_timer()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        self._stop_timer()
        self.arrival_timer = self.loop.call_later(self.arrival_timeout, self._refuse)

    def _stop_timer(self) -> None:
        if self.arrival_timer:
            self.arrival_timer.cancel()

    def _refuse(self) -> None:
        if not (self.cycle and self.cycle.response_started and not self.cycle.response_complete):
            self.transport.write(RESPONSE)
        self.transport.close()
