"""Closes the connections of clients that send a request or take an answer too slowly."""

import asyncio
from http import HTTPStatus

from service.crowds import CrowdLimitingProtocol


class ImpatientProtocol(CrowdLimitingProtocol):
    """uvicorn's protocol with two timeouts; by itself it waits for a request forever.

    Attributes:
        patience: the seconds that a request may take from its first byte, or from the opening of
            the connection, to its last byte; and the seconds that a client may take for an answer
            that does not fit into the buffers.
    """

    patience = 20.0
    arrival_timer: asyncio.TimerHandle | None = None
    taking_timer: asyncio.TimerHandle | None = None

    def connection_made(  # type: ignore[override]  # as uvicorn declares it
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # uvicorn stops its timer for idle connections on any byte, even when no request begins:
        # on empty lines, or on the rest of a refused body.
        is_idle = self.cycle and self.cycle.response_complete and not self.arrival_timer
        if is_idle and not self.timeout_keep_alive_task:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if not self.is_reading_again:
            self._start_timer()

    def on_message_complete(self) -> None:
        self._stop_timer()
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.taking_timer = self.loop.call_later(self.patience, self.transport.abort)

    def resume_writing(self) -> None:
        if self.taking_timer:
            self.taking_timer.cancel()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self.resume_writing()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        self._stop_timer()
        self.arrival_timer = self.loop.call_later(
            self.patience,
            self.refuse,
            HTTPStatus.REQUEST_TIMEOUT,
            "the request took too long to arrive",
        )

    def _stop_timer(self) -> None:
        if self.arrival_timer:
            self.arrival_timer.cancel()
            self.arrival_timer = None
