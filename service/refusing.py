"""Refuses what is no request that the application could answer, and closes the connection."""

from http import HTTPStatus

import orjson
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.counts import count_refusal


class RefusingProtocol(HttpToolsProtocol):
    """uvicorn's protocol with refusals in JSON, like those of the application.

    Attributes:
        running: the request that the application has last begun to answer. uvicorn knows only the
            one that has last arrived, which may wait behind it.
    """

    running: RequestResponseCycle | None = None

    def refuse(self, status: HTTPStatus, reason: str) -> None:
        """Refuse the request that is being read, and close the connection."""
        if self.transport.is_closing():
            return
        count_refusal(status)
        # An answer that is under way, or comes first, must not be broken into.
        if not self.running or self.running.response_complete or self._is_running_this_one():
            content = orjson.dumps({"error": reason})
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\n"
                f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
            )
            self.transport.write(head.encode() + content)
        self.transport.close()
        self._abandon()

    def _is_running_this_one(self) -> bool:
        is_it = self.cycle is self.running and self.cycle.more_body
        return is_it and not self.cycle.response_started

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self.running = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        self._abandon()
        super().connection_lost(exc)

    def _abandon(self) -> None:
        """Tell the application that nobody takes its answer any more."""
        if self.running and not self.running.response_complete:
            self.running.disconnected = True
            self.running.message_event.set()

    def send_400_response(self, msg: str) -> None:
        self.refuse(HTTPStatus.BAD_REQUEST, msg)
