"""What one attack costs a service that does nothing else."""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.hostile import clients, process
from fashion_mnist.errors import InputError

LONGEST = 90.0  # seconds that the service may go on after an answer; then it is started anew


class Cost(NamedTuple):
    """What an input cost; `sent` is 0 for what is no request with a body."""

    name: str
    sent: int
    answer: str
    seconds: float
    cpu: float
    megabytes: float

    def row(self) -> str:
        sent = f"{self.sent / 1000:,.0f}" if self.sent else ""
        return (
            f"| {self.name} | {sent} | {self.answer} | {self.seconds:.1f} | {self.cpu:.1f} "
            f"| {self.megabytes:.0f} |"
        )


class Service:
    """A service as a process of its own, which is started anew where it stays busy."""

    def __init__(self, *options: str) -> None:
        self.options = options
        self.start()

    def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            InputError: it does not start.
        """
        serve = [sys.executable, "-m", "service", "--port", "0", *self.options]
        self.process = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        url, *_ = self.process.stdout.readline().split() or [""]
        if not url:
            raise InputError("the service did not start; its line above says why")
        host, _, port = url.removeprefix("http://").rpartition(":")
        self.target = clients.Target(host, int(port))
        process.wait_until_idle(self.process.pid, 10)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def serving(*options: str) -> Iterator[Service]:
    service = Service(*options)
    try:
        yield service
    finally:
        service.kill()


def cost(
    service: Service,
    name: str,
    attack: clients.Attack,
    sent: int = 0,
    longest: float = LONGEST,
) -> Cost:
    """Attack a service that does nothing else, and wait until it has nothing to do.

    Args:
        service: which is started anew where it has crashed, or is still busy.
        name: of the input.
        attack: what is done to the service.
        sent: the bytes of the input.
        longest: the seconds that the service may go on after an answer.
    """
    pid = service.process.pid
    before, memory = process.cpu_seconds(pid), process.resident(pid)
    started = time.perf_counter()
    with process.Most(pid) as most:
        answer = asyncio.run(_attack(attack, service.target))
        seconds = time.perf_counter() - started
        # Without an answer the work goes on, even if other programs leave it no core for a moment.
        is_over = answer != clients.NO_ANSWER and process.wait_until_idle(pid, longest)
    if service.process.poll() is not None:
        service.start()
        return Cost(name, sent, "crashed", seconds, 0, most.megabytes - memory)
    found = process.cpu_seconds(pid) - before
    if not is_over:
        service.kill()
        service.start()
        answer = answer if answer == clients.NO_ANSWER else f"{answer}, still busy"
    return Cost(name, sent, answer, seconds, found, max(0, most.megabytes - memory))


async def _attack(attack: clients.Attack, target: clients.Target) -> str:
    return await attack(target)
