"""Closes connections of which little but heads, trailers or marks of chunks arrives."""

from http import HTTPStatus

from service.upgrades import UpgradeIgnoringProtocol

TOO_LONG = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
LONGEST = 65_536  # bytes of a request's address, headers and trailers together
FIELD = 32  # bytes that a header counts for beside its own, as in RFC 9113, section 6.5.2
WAITING = 100  # requests that a client may send before it has the answer to the first
# A chunk of one byte costs as much as one of thousands.
CHUNKS, CHUNK = 1000, 64  # chunks that may be of any size; bytes of the others on average


class HeadLimitingProtocol(UpgradeIgnoringProtocol):
    """uvicorn's protocol with limits on what surrounds bodies; it has none.

    Attributes:
        body_bytes, chunks: of the request that is being read.
        head_bytes: of the request that is being read, as far as its lines are whole.
        silent_bytes: that were received since the parser last told of anything, which are the
            beginning of a line without end.
    """

    url = b""
    head_bytes = silent_bytes = body_bytes = chunks = 0
    was_silent = True

    def data_received(self, data: bytes) -> None:
        self.was_silent = True
        super().data_received(data)
        self.silent_bytes = self.silent_bytes + len(data) if self.was_silent else 0
        if self.silent_bytes > LONGEST:
            self._refuse_head()

    def on_message_begin(self) -> None:
        self.was_silent = False
        self.head_bytes = self.body_bytes = self.chunks = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value) + FIELD)

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= WAITING:
            raise ValueError  # the parser makes it an HttpParserError
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        self.was_silent = False
        self.chunks += 1
        if self.chunks > CHUNKS + self.body_bytes // CHUNK:
            raise ValueError

    def on_body(self, body: bytes) -> None:
        self.was_silent = False
        self.body_bytes += len(body)
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
            raise ValueError

    def _refuse_head(self) -> None:
        is_url = len(self.url) > LONGEST
        status = HTTPStatus.REQUEST_URI_TOO_LONG if is_url else TOO_LONG
        what = "an address" if is_url else "headers and trailers"
        self.refuse(status, f"{what} of more than {LONGEST:,} bytes; send shorter ones")
