"""Refuses what is no request that the application could answer, and closes the connection."""

import json
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.counts import count_refusal


class RefusingProtocol(HttpToolsProtocol):
    """uvicorn's protocol with refusals in JSON, like those of the application."""

    def refuse(self, status: HTTPStatus, reason: str) -> None:
        """Refuse the request that is being read, and close the connection."""
        if self.transport.is_closing():
            return
        count_refusal(status)
        # An answer that is under way, or comes first, must not be broken into.
        if not self.cycle or self.cycle.response_complete or self._is_answering_this_one():
            content = json.dumps({"error": reason}).encode()
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\n"
                f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
            )
            self.transport.write(head.encode() + content)
        self.transport.close()
        if self.cycle and not self.cycle.response_complete:
            # Otherwise the application would answer into a closed connection.
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _is_answering_this_one(self) -> bool:
        return self.cycle.more_body and not self.cycle.response_started

    def send_400_response(self, msg: str) -> None:
        self.refuse(HTTPStatus.BAD_REQUEST, msg)
