"""Makes room for everyone when a few clients hold most connections."""

import asyncio
from collections import Counter
from itertools import islice

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.long_heads import HeadLimitingProtocol

CONNECTIONS = 1000
AT_ONCE = 20  # that are closed together, because looking for them takes as long as an answer


class CrowdLimitingProtocol(HeadLimitingProtocol):
    """uvicorn's protocol; it closes idle connections of who has the most, before all are taken."""

    def connection_made(  # type: ignore[override]  # as uvicorn declares it
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            self._make_room()

    def _make_room(self) -> None:
        of_all = [of for of in self.connections if isinstance(of, HttpToolsProtocol) and of.client]
        (greediest, _), *_ = Counter(of.client[0] for of in of_all if of.client).most_common(1)
        idle = (
            of
            for of in of_all
            if (not of.cycle or of.cycle.response_complete or of.cycle.more_body)
            and of is not self
            and of.client
            and of.client[0] == greediest
        )
        for of in islice(idle, AT_ONCE):
            of.transport.abort()
