"""Workers: what trains, here, in several processes of this machine, or on a cluster."""

import argparse
import multiprocessing
import os
import queue
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from tqdm import tqdm

from experiments import training as a_training
from experiments.training import Data, Epoch, HeldOut, OnEpoch, Training
from fashion_mnist import command, concurrency
from fashion_mnist.errors import InputError
from fashion_mnist.training.tf_keras import tf

ATTEMPTS = 3  # of a training whose process dies
TRAININGS = 20  # of a process, in which TensorFlow keeps some memory of each
ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class Workers(ABC):
    """What trains, `slots` trainings at a time; by default the thread that calls it."""

    slots = 1

    @abstractmethod
    def train(
        self, training: Training, checkpoint: Path, on_epoch: OnEpoch | None
    ) -> dict[str, Any] | None:
        """Train once, as `experiments.training.run` does."""

    def map(
        self, function: Callable[[ItemT], ResultT], items: Iterable[ItemT]
    ) -> Iterator[ResultT]:
        """Yield what `function`, which calls `train`, returns for each item, as they finish."""
        return map(function, items)

    def close(self) -> None:  # noqa: B027 - only who trains elsewhere has something to end
        """End what is training."""

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Here(Workers):
    """This process, with all of its threads."""

    def train(
        self, training: Training, checkpoint: Path, on_epoch: OnEpoch | None
    ) -> dict[str, Any] | None:
        return a_training.run(training, data(training.measured_on), on_epoch, checkpoint)


class Waiting(Workers):
    """The base of workers that train elsewhere: a thread waits for each of them."""

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


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `start`."""
    parser.add_argument(
        "--jobs",
        type=command.count,
        default=1,
        metavar="N",
        help="trainings at a time on a machine, which share its cores; default: 1",
    )
    parser.add_argument(
        "--cluster", metavar="ADDRESS", help="of a Ray cluster that trains; docs/cluster.md"
    )


def start(jobs: int, cluster: str | None) -> Workers:
    """Return workers with `jobs` trainings at a time on this machine, or on each of a cluster."""
    if cluster is None:
        return Processes(jobs)
    from experiments.cluster import Cluster  # only who has a cluster needs Ray

    return Cluster(cluster, jobs)


class Processes(Waiting):
    """Processes of this machine, among which its cores are divided."""

    def __init__(self, jobs: int) -> None:
        super().__init__(jobs)
        self._cores = max(1, concurrency.cores() // jobs)
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
                    status = process.end()
                    process = None
            raise InputError(
                f"a training died {ATTEMPTS} times (exit status {status}); fewer --jobs need less "
                "memory"
            )
        finally:
            if process and process.trainings == TRAININGS:
                process.end()
                process = None
            self._free.put(process)

    def close(self) -> None:
        super().close()
        for process in self._all:
            process.end()


class _Process:
    """A process that trains; `trainings` is the number of those that it has begun."""

    def __init__(self, cores: int) -> None:
        self.trainings = 0
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, cores), daemon=True)
        self._process.start()
        theirs.close()

    def train(
        self, training: Training, checkpoint: Path, on_epoch: OnEpoch | None
    ) -> dict[str, Any] | None:
        self.trainings += 1
        self._connection.send((training, checkpoint))
        while True:
            kind, *content = self._connection.recv()
            if kind == "result":
                return content[0]
            if kind == "error":
                raise InputError(content[0])
            self._connection.send(on_epoch is not None and on_epoch(content[0]))

    def end(self) -> int | None:
        """Kill the process and return its exit status."""
        self._process.kill()
        self._process.join()
        return self._process.exitcode


def _serve(connection: Connection, cores: int) -> None:
    """Train what the other side sends, until it closes the connection or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent decides
    tqdm.set_lock(threading.RLock())  # its own lock would be left behind by a kill
    divide_cores(cores)
    received: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, received), daemon=True).start()

    def on_epoch(epoch: Epoch) -> bool:
        connection.send(("epoch", epoch))
        return received.get()

    while True:
        training, checkpoint = received.get()
        try:
            result = a_training.run(training, data(training.measured_on), on_epoch, checkpoint)
            connection.send(("result", result))
        except InputError as error:
            connection.send(("error", str(error)))


def divide_cores(cores: int) -> None:
    """Let TensorFlow use so many of the cores, in a process that trains without a terminal."""
    os.environ["QUIET"] = "1"
    if tf.config.threading.get_intra_op_parallelism_threads() != cores:
        tf.config.threading.set_intra_op_parallelism_threads(cores)
        tf.config.threading.set_inter_op_parallelism_threads(cores)


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
