"""Answers requests for another protocol in HTTP/1.1, as RFC 9110, section 7.8 allows.

httptools ends a request with an Upgrade header after its head, so uvicorn loses the body. `curl
--http2`, Java's HttpClient and Ktor send the header with every first request.
"""

import httptools

from service.refusing import RefusingProtocol


class UpgradeIgnoringProtocol(RefusingProtocol):
    """uvicorn's protocol; it parses the head of such a request a second time, without Upgrade.

    Attributes:
        is_reading_again: whether it is parsing a head for the second time.
    """

    is_reading_again = False

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        rest = memoryview(data)
        try:
            while True:
                try:
                    self.parser.feed_data(rest)
                    return
                except httptools.HttpParserUpgrade as upgrade:
                    rest = rest[upgrade.args[0] :]
                    self._read_head_again()
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")

    def on_headers_complete(self) -> None:
        if self.parser.get_method() == b"CONNECT":
            raise ValueError("this is no proxy")  # the parser raises it as HttpParserError
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _read_head_again(self) -> None:
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        lines = [method + b" " + self.url + b" HTTP/" + version]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self.is_reading_again = True
        try:
            self.parser.feed_data(b"\r\n".join([*lines, b"", b""]))
        finally:
            self.is_reading_again = False
