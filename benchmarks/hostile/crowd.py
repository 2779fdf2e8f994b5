"""Attack a running service by two clients of each kind: `python -m benchmarks.hostile.crowd URL`.

It prints how many attacks of each kind there were and what came back, as JSON. A client of files,
forms or inference requests sends all inputs of its kind in turn, its fellow in the opposite order.
"""

import asyncio
import contextlib
import functools
import json
import os
import resource
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator

from benchmarks.hostile import bodies, clients
from fashion_mnist import command

REST = 0.5  # seconds between two attacks of a client
EACH = 2  # clients of a kind
NICENESS = 10  # the crowd shares the service's cores; elsewhere it would have its own
NETWORK = "127.0.9"  # each hostile client has an address of its own here; good ones have others
FILES = 16_384  # that this process may open


def kinds(only: str = "") -> dict[str, list[clients.Attack]]:
    """Return the attacks of each kind of client whose inputs' names have some words."""
    posts: dict[str, list[clients.Attack]] = {}
    for name, make in bodies.ALL.items():
        if only in name:
            attack = functools.partial(clients.post, body=make())
            posts.setdefault(_kind(name), []).append(attack)
    alone = {**clients.BEHAVIOURS, **clients.LEAVING}
    return posts | {name: [attack] for name, attack in alone.items() if only in name}


def _kind(name: str) -> str:
    """Return the kind of an input with a body."""
    if name in bodies.FORMS:
        return "forms"
    if name in bodies.TENSORS:
        return "inference requests"
    known = ("png", "jpeg", "gif", "bmp", "webp")
    return next((f"{format} files" for format in known if format in name.split()), "other files")


def addresses() -> Iterator[str]:
    """Return addresses of the loopback, one for each client."""
    return (f"{NETWORK}.{last}" for last in range(1, 255))


async def crowd(host: str, port: int, seconds: float, only: str) -> dict[str, dict[str, int]]:
    """Attack a service for some seconds; return what came back, by kind of client."""
    free = addresses()
    found: dict[str, Counter[str]] = {}
    ends = time.monotonic() + seconds
    running = []
    for kind, attacks in kinds(only).items():
        found[kind] = Counter()
        for order in range(EACH):
            target = clients.Target(host, port, next(free))
            turn = attacks if order % 2 == 0 else attacks[::-1]
            running.append(asyncio.create_task(_client(turn, target, found[kind])))
    print("ready", flush=True)
    parent = os.getppid()
    with contextlib.suppress(asyncio.CancelledError):
        # Nobody is there to stop it when the command that started it was killed.
        while time.monotonic() < ends and os.getppid() == parent:
            await asyncio.sleep(min(1, max(0, ends - time.monotonic())))
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    return {kind: dict(sorted(of.items())) for kind, of in found.items()}


async def _client(
    attacks: Iterable[clients.Attack], target: clients.Target, found: Counter
) -> None:
    while True:
        for attack in attacks:
            found[await attack(target)] += 1
            await asyncio.sleep(REST)


def main(url: str, seconds: float, only: str) -> None:
    os.nice(NICENESS)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
    host, _, port = url.removeprefix("http://").rpartition(":")

    async def until_told() -> dict[str, dict[str, int]]:
        task = asyncio.create_task(crowd(host, int(port), seconds, only))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    print(json.dumps(asyncio.run(until_told())), flush=True)


if __name__ == "__main__":
    parser = command.parser(__doc__)
    parser.add_argument("url", help="of the service, such as http://127.0.0.1:8000")
    parser.add_argument("--seconds", type=float, default=60, help="default: 60")
    parser.add_argument("--only", default="", metavar="WORDS", help="some inputs, by name")
    command.run(main, parser)
