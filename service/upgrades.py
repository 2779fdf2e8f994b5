"""Requests that ask for another protocol are answered as if they did not.

RFC 9110, section 7.8: a server may ignore an Upgrade header. httptools ends such a request behind
its head, so that uvicorn loses the body; `curl --http2`, Java's HttpClient and Ktor send the header
with every first request.
"""

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class UpgradeIgnoringProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which reads the head of such a request a second time, without Upgrade."""

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        except httptools.HttpParserUpgrade as upgrade:
            if self._asks_for_upgrade():
                self._read_head_again()
                self.data_received(data[upgrade.args[0] :])

    def on_headers_complete(self) -> None:
        if not self._asks_for_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self._asks_for_upgrade():
            super().on_message_complete()

    def _asks_for_upgrade(self) -> bool:
        # CONNECT counts as an upgrade without the header, too: there the connection just ends.
        is_upgrade = self.parser.should_upgrade()
        return is_upgrade and any(name == b"upgrade" for name, _ in self.headers)

    def _read_head_again(self) -> None:
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        lines = [method + b" " + self.url + b" HTTP/" + version]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(b"\r\n".join([*lines, b"", b""]))
