"""Closes connections whose heads, trailers or lines are too long to keep in memory."""

from http import HTTPStatus

from service.upgrades import UpgradeIgnoringProtocol

TOO_LONG = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
LONGEST = 65_536  # bytes of a request's address, headers and trailers together


class HeadLimitingProtocol(UpgradeIgnoringProtocol):
    """uvicorn's protocol with a limit on what comes before and after a body; it has none.

    Attributes:
        head_bytes: of the request that is being read, as far as its lines are whole.
        silent_bytes: that were received since the parser last told of anything, which are the
            beginning of a line without end.
    """

    head_bytes = silent_bytes = 0
    was_silent = True

    def data_received(self, data: bytes) -> None:
        self.was_silent = True
        super().data_received(data)
        self.silent_bytes = self.silent_bytes + len(data) if self.was_silent else 0
        if self.silent_bytes > LONGEST:
            self._refuse_head()

    def on_message_begin(self) -> None:
        self.was_silent, self.head_bytes = False, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value))

    def on_chunk_header(self) -> None:
        self.was_silent = False

    def on_body(self, body: bytes) -> None:
        self.was_silent = False
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        if self.head_bytes > LONGEST:
            self._refuse_head()
        else:
            super().send_400_response(msg)

    def _count(self, size: int) -> None:
        self.was_silent = False
        self.head_bytes += size
        if self.head_bytes > LONGEST:
            raise ValueError  # the parser makes it an HttpParserError

    def _refuse_head(self) -> None:
        is_url = len(self.url) > LONGEST
        status = HTTPStatus.REQUEST_URI_TOO_LONG if is_url else TOO_LONG
        what = "an address" if is_url else "headers and trailers"
        self.refuse(status, f"{what} of more than {LONGEST:,} bytes; send shorter ones")
