"""Threads for work that computes, and whose turn it is to use them."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from fastapi import HTTPException, Request
from prometheus_client import Gauge
from starlette.requests import ClientDisconnect

PATIENCE = 10.0  # seconds that a job waits for its turn
HALF_LIFE = 10.0  # seconds after which half of what a client has used is forgotten
LITTLE = 0.001  # seconds of use that are forgotten at once
NOBODY = ""  # the client that asks whether there is a free thread
READY = 0.8  # seconds within which a new client's job begins; an answer takes a second at most

T = TypeVar("T")

WAITING = Gauge("service_jobs_waiting", "Jobs that wait for a thread", ["lane"])


class _Waiting(NamedTuple):
    client: str
    turn: asyncio.Future[None]
    is_long: bool


class Lane:
    """A few threads, which go to the client that has used them least.

    Who asks for little is served soon, however much others ask for. Clients are told apart by their
    addresses. Only the event loop's thread may call.
    """

    def __init__(self, name: str, threads: int) -> None:
        self.threads = threads
        self._free = threads
        self._executor = ThreadPoolExecutor(threads, name)
        self._free_for_long = max(1, threads - 1)
        self._waiting: list[_Waiting] = []
        self._used: dict[str, float] = {}  # seconds of the processor, by client
        self._forgotten = time.monotonic()
        WAITING.labels(name).set_function(lambda: len(self._waiting))

    async def run(
        self, request: Request, function: Callable[..., T], *arguments: Any, is_long: bool = False
    ) -> T:
        """Call a function in a thread, when it is the turn of the request's client.

        Args:
            request: whose client it is.
            function: to call, with the arguments.
            is_long: whether it takes about a second. One thread is kept free of such work.

        Raises:
            HTTPException: 503, its turn did not come.
            ClientDisconnect: the client has left before its turn.
        """
        client = request.client.host if request.client else NOBODY
        await self._turn(client, PATIENCE, is_long)
        used = 0.0

        def call() -> T:
            # The processor's time: who waits long for others has not used more.
            nonlocal used
            started = time.thread_time()
            try:
                return function(*arguments)
            finally:
                used = time.thread_time() - started

        try:
            if await request.is_disconnected():
                raise ClientDisconnect
            work = asyncio.get_running_loop().run_in_executor(self._executor, call)
        except BaseException:
            self._end(client, used, is_long)
            raise
        work.add_done_callback(lambda _: self._end(client, used, is_long))
        # A thread can't be stopped: a turn ends with its function, whatever becomes of the request.
        return await asyncio.shield(work)

    async def is_ready(self) -> bool:
        """Return whether a thread takes the job of a new client soon."""
        try:
            await self._turn(NOBODY, READY, is_long=False)
        except HTTPException:
            return False
        self._end(NOBODY, 0.0, is_long=False)
        return True

    async def _turn(self, client: str, patience: float, is_long: bool) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(client, turn, is_long)
        self._waiting.append(waiting)
        self._next()
        try:
            async with asyncio.timeout(patience):
                await turn
        except BaseException as error:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            elif not turn.cancelled():  # it came at the same moment
                self._end(client, 0.0, is_long)
            if isinstance(error, TimeoutError):
                reason = "too much to do at once; try again"
                raise HTTPException(503, reason, {"retry-after": "1"}) from None
            raise

    def _next(self) -> None:
        """Give free threads to those who wait and have used the least, the first of equals."""
        self._forget()
        while self._free and (
            able := [of for of in self._waiting if self._free_for_long or not of.is_long]
        ):
            least = min(able, key=lambda waiting: self._used.get(waiting.client, 0.0))
            self._waiting.remove(least)
            if not least.turn.done():
                least.turn.set_result(None)
                self._free -= 1
                self._free_for_long -= least.is_long

    def _end(self, client: str, used: float, is_long: bool) -> None:
        self._used[client] = self._used.get(client, 0.0) + used
        self._free += 1
        self._free_for_long += is_long
        self._next()

    def _forget(self) -> None:
        now = time.monotonic()
        share = 0.5 ** ((now - self._forgotten) / HALF_LIFE)
        self._used = {of: share * used for of, used in self._used.items() if used > LITTLE}
        self._forgotten = now
