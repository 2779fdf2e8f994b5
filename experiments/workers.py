"""Workers: what trains, here, in several processes of this machine, or on a cluster."""

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, TypeVar

from experiments import training as a_training
from experiments.training import Data, HeldOut, OnEpoch, Training
from fashion_mnist.errors import InputError
from fashion_mnist.training.tf_keras import tf

ATTEMPTS = 3  # of a training whose process dies
ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class Workers(Protocol):
    """What trains; `slots` trainings at a time."""

    slots: int

    def train(
        self, training: Training, checkpoint: Path, on_epoch: OnEpoch | None
    ) -> dict[str, Any] | None:
        """Train once, as `experiments.training.run` does."""

    def map(
        self, function: Callable[[ItemT], ResultT], items: Iterable[ItemT]
    ) -> Iterator[ResultT]:
        """Yield what `function`, which calls `train`, returns for each item, as they finish."""


class Here:
    """This process, with all of its threads."""

    slots = 1

    def train(
        self, training: Training, checkpoint: Path, on_epoch: OnEpoch | None
    ) -> dict[str, Any] | None:
        return a_training.run(training, data(training.measured_on), on_epoch, checkpoint)

    def map(
        self, function: Callable[[ItemT], ResultT], items: Iterable[ItemT]
    ) -> Iterator[ResultT]:
        return map(function, items)


class Threads:
    """The base of workers that only wait for others: a thread for each slot."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.is_closed = False

    def map(
        self, function: Callable[[ItemT], ResultT], items: Iterable[ItemT]
    ) -> Iterator[ResultT]:
        with ThreadPoolExecutor(self.slots) as threads:
            futures = [threads.submit(function, item) for item in items]
            try:
                for future in as_completed(futures):
                    yield future.result()
            except BaseException:
                # The threads end as soon as what they wait for is gone.
                self.close()
                threads.shutdown(wait=False, cancel_futures=True)
                raise

    def close(self) -> None:
        self.is_closed = True

    def __enter__(self) -> "Threads":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Processes(Threads):
    """Processes of this machine, among which its cores are divided."""

    def __init__(self, jobs: int) -> None:
        super().__init__(jobs)
        self._cores = max(1, (os.cpu_count() or 1) // jobs)
        self._free: queue.SimpleQueue[_Process | None] = queue.SimpleQueue()
        for _ in range(jobs):
            self._free.put(None)  # starts when it is needed
        self._all: list[_Process] = []

    def train(
        self, training: Training, checkpoint: Path, on_epoch: OnEpoch | None
    ) -> dict[str, Any] | None:
        process = self._free.get()
        try:
            for _ in range(ATTEMPTS):
                if process is None:
                    process = _Process(self._cores)
                    self._all.append(process)
                try:
                    return process.train(training, checkpoint, on_epoch)
                except (EOFError, OSError):
                    if self.is_closed:
                        raise KeyboardInterrupt from None
                    status, process = process.end(), None
            raise InputError(
                f"a training died {ATTEMPTS} times (exit status {status}); fewer --jobs need less "
                "memory"
            )
        finally:
            self._free.put(process)

    def close(self) -> None:
        super().close()
        for process in self._all:
            process.end()


class _Process:
    def __init__(self, cores: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, cores), daemon=True)
        self._process.start()
        theirs.close()

    def train(
        self, training: Training, checkpoint: Path, on_epoch: OnEpoch | None
    ) -> dict[str, Any] | None:
        self._connection.send((training, checkpoint))
        while True:
            kind, *content = self._connection.recv()
            if kind == "result":
                return content[0]
            if kind == "error":
                raise InputError(content[0])
            self._connection.send(on_epoch is not None and on_epoch(*content))

    def end(self) -> int | None:
        """Kill the process and return its exit status."""
        self._process.kill()
        self._process.join()
        return self._process.exitcode


def _serve(connection: Connection, cores: int) -> None:
    """Train what the other side sends, until it closes the connection or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent decides
    os.environ["QUIET"] = "1"
    tf.config.threading.set_intra_op_parallelism_threads(cores)
    tf.config.threading.set_inter_op_parallelism_threads(cores)
    received: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, received), daemon=True).start()

    def on_epoch(epoch: int, accuracy: float) -> bool:
        connection.send(("epoch", epoch, accuracy))
        return received.get()

    while True:
        training, checkpoint = received.get()
        try:
            result = a_training.run(training, data(training.measured_on), on_epoch, checkpoint)
            connection.send(("result", result))
        except InputError as error:
            connection.send(("error", str(error)))


def _receive(connection: Connection, received: queue.SimpleQueue[Any]) -> None:
    while True:
        try:
            received.put(connection.recv())
        except (EOFError, OSError):
            # A process without a parent would go on training, and write the next one's files.
            os._exit(1)


@cache
def data(measured_on: HeldOut) -> Data:
    """Load the images, once a process."""
    return a_training.load(measured_on)
