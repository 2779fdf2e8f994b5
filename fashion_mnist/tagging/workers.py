"""Processes that answer shards; one that is killed loses nothing but time."""

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait

import pyarrow as pa

from fashion_mnist.errors import InputError
from fashion_mnist.tagging.answering import Answering, Asked, as_rows
from fashion_mnist.tagging.plan import Shard

READY = "ready"
DEATHS = 3  # of processes that a shard may cause before its halves are tried alone


class Processes:
    """Processes of this machine; each loads the models once, and has one shard at a time.

    So memory does not grow with the number of shards. A shard whose process ends early is tried
    again, after DEATHS times in halves. What is then a single picture has an error as its row.

    Attributes:
        jobs: the number of processes.
    """

    def __init__(self, asked: Asked, schema: pa.Schema, jobs: int) -> None:
        """Start nothing yet.

        Args:
            asked: what answers.
            schema: of the rows.
            jobs: the number of processes.
        """
        # NumPy reads it when a process imports it: each has one core.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        self._asked, self._schema, self.jobs = asked, schema, jobs
        self._workers: list[_Worker] = []

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()

    def run(
        self, shards: Iterable[Shard], done: Callable[[int], object]
    ) -> Iterator[tuple[Shard, pa.Table]]:
        """Yield the rows of each shard as soon as they are there.

        Args:
            shards: taken one by one.
            done: is told the number of pictures as they are answered.

        Raises:
            InputError: a process ends before it is ready.
        """
        waiting, again = iter(shards), deque[Shard]()
        workers = self._workers
        while True:
            for worker in workers:
                if worker.is_idle and (shard := _next(again, waiting)):
                    worker.give(shard)
            while len(workers) < self.jobs and (shard := _next(again, waiting)):
                workers.append(_Worker(self._asked, shard))
            if all(worker.shard is None for worker in workers):
                return
            for connection in wait([worker.connection for worker in workers]):
                worker = next(each for each in workers if each.connection is connection)
                try:
                    message = worker.connection.recv()
                except (EOFError, OSError):
                    workers.remove(worker)
                    worker.end()
                    yield from _after_death(worker, again, self._schema, done)
                    continue
                if isinstance(message, str):  # READY
                    worker.start()
                elif isinstance(message, int):
                    worker.told += message
                    done(message)
                else:
                    yield worker.finished(), message


def _next(again: deque[Shard], waiting: Iterator[Shard]) -> Shard | None:
    return again.popleft() if again else next(waiting, None)


def _after_death(
    worker: "_Worker", again: deque[Shard], schema: pa.Schema, done: Callable[[int], object]
) -> Iterator[tuple[Shard, pa.Table]]:
    """Put the shard of a worker that has ended in line again, or yield its row.

    Raises:
        InputError: it ended before it was ready.
    """
    if not worker.is_ready:
        raise InputError(
            "a process ended while it loaded the models; is there memory for --jobs of them?"
        )
    shard = worker.shard
    if shard is None:
        return
    done(-worker.told)
    shard = shard._replace(deaths=shard.deaths + 1)
    if shard.deaths < DEATHS:
        again.append(shard)
    elif len(shard.positions) > 1:
        again.extend(half._replace(deaths=DEATHS - 1) for half in shard.halves())
    else:
        done(1)
        row = {"error": "not answered: its process was killed each time; out of memory?"}
        yield shard, as_rows(shard.pictures, [row], schema)


class _Worker:
    """A process, its connection and its shard."""

    def __init__(self, asked: Asked, shard: Shard) -> None:
        """Start a process; once it is ready, it is given the shard."""
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, asked), daemon=True)
        self._process.start()
        theirs.close()
        self.shard: Shard | None = shard
        self.is_ready, self.told = False, 0

    def start(self) -> None:
        """Note that it is ready, and give it the shard."""
        assert self.shard is not None
        self.is_ready = True
        self.give(self.shard)

    @property
    def is_idle(self) -> bool:
        return self.is_ready and self.shard is None

    def give(self, shard: Shard) -> None:
        self.shard, self.told = shard, 0
        with contextlib.suppress(OSError):  # it has ended; its connection says so to who waits
            self.connection.send(shard.pictures)

    def finished(self) -> Shard:
        shard, self.shard = self.shard, None
        assert shard is not None
        return shard

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()


def _work(connection: Connection, asked: Asked) -> None:
    """Answer the pictures that come, until the other end of the connection is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command ends its processes itself
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        answering = Answering(asked)
        connection.send(READY)
        while True:
            connection.send(answering.rows(connection.recv(), connection.send))
