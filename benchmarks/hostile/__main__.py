"""Measure what each hostile input costs the service, alone: `python -m benchmarks.hostile`.

It writes docs/hostile.md; with --only it prints the rows of inputs whose names have those words.
"""

import functools
import signal
from collections.abc import Iterator
from pathlib import Path

from benchmarks import by_processor
from benchmarks.hostile import bodies, clients
from benchmarks.hostile.costs import Cost, cost, serving
from fashion_mnist import command, files, progress

INPUTS = (
    "requirements-service.txt",
    "fashion_mnist/dataset/picture.py",
    "fashion_mnist/dataset/picture_file.py",
    "fashion_mnist/dataset/bare_picture.py",
    *(path.as_posix() for path in sorted(Path("service").glob("*.py"))),
    *(path.as_posix() for path in sorted(Path("benchmarks/hostile").glob("*.py"))),
)
TEXT = """# Hostile inputs

Made by `python -m benchmarks.hostile`: each input alone, on loopback. CPU seconds and memory are
those of the service and its children; memory is the most above what it had before. The inputs are
functions of those names in [benchmarks/hostile](../benchmarks/hostile). {machines}
"""
OF_A_KIND = """
## {kind}

The service was busy for at most {worst_cpu:.1f} CPU seconds and took at most {worst_memory:.0f} MB.

| input | sent, KB | answer | after, s | CPU, s | memory, MB |
|---|---|---|---|---|---|
{rows}
"""


def attacks(only: str) -> Iterator[tuple[str, clients.Attack, int]]:
    """Return name, attack and bytes of the inputs whose names have some words."""
    for name, make in bodies.ALL.items():
        if only in name:
            body = make()
            yield name, functools.partial(clients.post, body=body), len(body.content)
    for name, attack in {**clients.BEHAVIOURS, **clients.LEAVING}.items():
        if only in name:
            yield name, attack, 0


def main(only: str) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it ends what it started
    costs = []
    with serving() as service:
        for name, attack, sent in attacks(only):
            costs.append(cost(service, name, attack, sent))
            if only:
                print(costs[-1].row(), flush=True)
            else:
                progress.say(costs[-1].row())
    if only:
        return
    by_processor.write("hostile", {"costs": [found._asdict() for found in costs]}, *INPUTS)
    text = document(by_processor.read("hostile"))
    files.write_bytes(Path("docs/hostile.md"), text.encode())


def document(by_kind: dict[str, dict]) -> str:
    """Return docs/hostile.md from the measurements by kind of processor."""
    text = TEXT.format(machines=by_processor.machines(by_kind))
    for kind, found in by_kind.items():
        costs = [Cost(**of) for of in found["costs"]]
        text += OF_A_KIND.format(
            kind=kind,
            rows="\n".join(of.row() for of in costs),
            worst_cpu=max(of.cpu for of in costs),
            worst_memory=max(of.megabytes for of in costs),
        )
    return text


if __name__ == "__main__":
    parser = command.parser(__doc__)
    parser.add_argument("--only", default="", metavar="WORDS", help="for some inputs, by name")
    command.run(main, parser)
