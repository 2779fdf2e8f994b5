"""Measure trainings side by side, and plan for more machines: `python -m benchmarks.scaling`.

- Trainings of params.yaml in one process and in two, which share the cores.
- With --cluster ADDRESS, what a training costs the command that hands it out, and how much data
  travels.
- A simulation, with these times, of a thousand trainings on ten, a hundred and a thousand machines.

The result goes to benchmarks/times/scaling and docs/scaling.md. What is not measured this time is
kept.
"""

import argparse
import heapq
import json
import os
import pickle
import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import by_processor, measured
from experiments import rows, workers
from experiments import training as a_training
from experiments.training import Epoch, Training
from fashion_mnist import command, concurrency, files, progress
from fashion_mnist.params.cnn import CNN
from fashion_mnist.params.train import Train
from fashion_mnist.training import processor

DOCUMENT = Path("docs/scaling.md")
PARTS = {"local", "cluster"}  # of what is measured
TRAININGS = 4  # that are measured in a process
HANDED_OUT = 8  # short trainings, for what one costs the command
PLANNED, MACHINES = 1000, (1, 10, 100, 1000)
BANDWIDTH = 1.25e9  # bytes/s that a machine sends: 10 gigabits
LOST_PER_HOUR = 0.05  # of the machines: spot ones are taken away
FILES = ("experiments/workers.py", "experiments/cluster.py", "experiments/training.py")
TEXT = """# How trainings scale

Made by `python -m benchmarks.scaling`, with and without `--cluster`. {machines}
A cell has the median (lowest to highest).

{measured}

- **Two processes of one machine** do {ratio:.2f} times as many trainings an hour as one that has
  all cores. A training alone takes {alone:.0f} s ({spread:.1f} s standard deviation), of which
  {overhead:.1f} s are outside of its epochs; a new process needs {start:.1f} s more for its first.
- **On a cluster**, a machine receives {megabytes:.0f} MB of images once, and {code:.1f} MB of code;
  a training is {task:,} bytes on its way there, its result {result:,}. A training costs the command
  that hands it out {driver:.0f} ms of a core, and the head's own processes {head:.0f} ms.

## A thousand trainings

Machines like the measured one, a training at a time on each:

{plan}

It is a simulation. Each training draws its time from the measured mean and deviation. A machine
starts, loads TensorFlow, and receives the images from the head, which sends {gigabits:.0f} gigabits
a second, to one machine after the other; Ray's machines also pass them on, so this is the worst
case. Each machine is lost with a chance of {lost:.0f} % an hour; what it had begins anew on
another. The command takes results one after the other.

{breaks}
"""


class Costs(NamedTuple):
    """What was measured: seconds, but for `bytes` of images."""

    training: float
    deviation: float
    start: float
    bytes: float
    driver: float


class Planned(NamedTuple):
    """What a simulation says: seconds until the last result, seconds in which the head sends
    images and in which the command is busy, and the number of trainings that were lost.
    """

    seconds: float
    sending: float
    busy: float
    lost: int


def simulate(costs: Costs, machines: int, trainings: int, rng: np.random.Generator) -> Planned:
    """Play trainings on machines, event by event.

    Args:
        costs: of what happens.
        machines: that train one at a time each; a lost one is replaced, and starts anew.
        trainings: to do.
        rng: of times and losses.
    """
    sent = driver_free = 0.0
    waiting, done, lost = trainings, 0, 0
    events: list[tuple[float, int, bool]] = []  # time, machine, whether a training is finished

    def start(machine: int, now: float) -> None:
        """A machine receives the images once the head has sent those of the ones before it."""
        nonlocal sent
        sent = max(sent, now) + costs.bytes / BANDWIDTH
        heapq.heappush(events, (sent + costs.start, machine, False))

    for machine in range(min(machines, trainings)):
        start(machine, 0.0)
    sending = len(events) * costs.bytes / BANDWIDTH
    while done < trainings:
        now, machine, is_finished = heapq.heappop(events)
        if is_finished:
            driver_free = max(driver_free, now) + costs.driver
            done += 1
        if waiting == 0:
            continue
        seconds = max(0.0, rng.normal(costs.training, costs.deviation))
        alive = rng.exponential(3600 / LOST_PER_HOUR)
        if alive < seconds:
            lost += 1
            sending += costs.bytes / BANDWIDTH
            start(machine, now + alive)
        else:
            waiting -= 1
            heapq.heappush(events, (max(now, driver_free) + seconds, machine, True))
    return Planned(driver_free, sending, trainings * costs.driver, lost)


def main(cluster: str | None) -> None:
    measured.require_commit()
    kind = processor.describe()["kind"]
    found = by_processor.read("scaling").get(kind, {})
    found.pop("processor", None)
    if cluster:
        found["cluster"] = on_cluster(cluster)
    else:
        found["local"] = [here(jobs) for jobs in (1, concurrency.cores())]
    by_processor.write("scaling", found, *FILES, *measured.TRAINING)
    if found.keys() >= PARTS:
        files.write_bytes(DOCUMENT, document(by_processor.read("scaling")).encode())


def here(jobs: int) -> dict[str, Any]:
    """Train in processes of this machine; each has done one before, so all are warm."""
    progress.say(f"scaling: {jobs} at a time")
    with workers.start(jobs, None) as working:
        first = list(working.map(lambda seed: timed(working, seed, epochs=1), range(jobs)))
        began = time.monotonic()
        found = list(working.map(lambda seed: timed(working, seed), range(jobs * TRAININGS)))
        seconds = time.monotonic() - began
    return {
        "jobs": jobs,
        "seconds": seconds,
        "trainings": len(found),
        "of_each": [wall for wall, _ in found],
        "outside_epochs": [wall - epochs for wall, epochs in found],
        "outside_epochs_of_the_first": [wall - epochs for wall, epochs in first],
    }


def timed(working: workers.Workers, seed: int, epochs: int | None = None) -> tuple[float, float]:
    """Train with the settings of params.yaml; return the seconds, and those of all epochs."""
    seconds = []

    def on_epoch(epoch: Epoch) -> bool:
        seconds.append(epoch.seconds)
        return False

    checkpoint = Path(f"data/trainings/scaling-{seed}.partial")
    began = time.monotonic()
    working.train(_training(seed, epochs), checkpoint, on_epoch)
    wall = time.monotonic() - began
    checkpoint.unlink(missing_ok=True)
    return wall, sum(seconds)


def _training(seed: int, epochs: int | None) -> Training:
    train = Train.load()
    changed = {"seed": seed, "epochs": epochs or train.epochs}
    return Training(train.model_copy(update=changed), CNN.load(), "validation")


def on_cluster(address: str) -> dict[str, Any]:
    """Hand out trainings that take little time, each with as many epochs as a real one."""
    from experiments import cluster  # few have Ray

    train, recipe = rows.read("mlp", seed=0)
    epochs = {"epochs": Train.load().epochs}
    short = Training(train.model_copy(update=epochs), recipe, "validation")
    data = a_training.load("validation")
    code = sum(path.stat().st_size for name in cluster.CODE for path in Path(name).rglob("*.py"))
    with workers.start(1, address) as working:
        working.train(short, Path("unused"), None)  # data and code travel
        own, of_head = time.process_time(), _seconds_of_the_head()
        results = list(
            working.map(
                lambda _: working.train(short, Path("unused"), lambda _: False), range(HANDED_OUT)
            )
        )
        own, of_head = time.process_time() - own, _seconds_of_the_head() - of_head
    return {
        "trainings": HANDED_OUT,
        "driver_seconds": own / HANDED_OUT,
        "head_seconds": of_head / HANDED_OUT,
        "data_bytes": len(pickle.dumps(data, protocol=5)),
        "code_bytes": code,
        "task_bytes": len(pickle.dumps(short)),
        "result_bytes": len(json.dumps(results[0])),
    }


def _seconds_of_the_head() -> float:
    """Return the processor time of the head's server, seconds."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().rpartition(")")
        except OSError:  # it has just ended
            continue
        if "gcs_server" in name:
            ticks += sum(map(int, rest.split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def document(found: dict[str, dict[str, Any]]) -> str:
    """Return docs/scaling.md, from what was measured by kind of processor: of the fastest kind."""
    whole = {kind: content for kind, content in found.items() if content.keys() >= PARTS}
    *_, kind = whole
    one, several = whole[kind]["local"]
    shipped = whole[kind]["cluster"]
    costs = Costs(
        training=statistics.mean(one["of_each"]),
        deviation=statistics.stdev(one["of_each"]),
        start=max(one["outside_epochs_of_the_first"]),
        bytes=shipped["data_bytes"],
        driver=shipped["driver_seconds"],
    )
    planned = {
        count: simulate(costs, count, PLANNED, np.random.default_rng(0)) for count in MACHINES
    }
    return TEXT.format(
        machines=by_processor.machines({kind: whole[kind]}),
        measured=_measured(one, several),
        ratio=_per_hour(several) / _per_hour(one),
        alone=costs.training,
        spread=costs.deviation,
        overhead=statistics.mean(one["outside_epochs"]),
        start=costs.start,
        megabytes=costs.bytes / 1e6,
        code=shipped["code_bytes"] / 1e6,
        task=shipped["task_bytes"],
        result=shipped["result_bytes"],
        driver=1000 * costs.driver,
        head=1000 * shipped["head_seconds"],
        plan=_plan(costs, planned),
        gigabits=8 * BANDWIDTH / 1e9,
        lost=100 * LOST_PER_HOUR,
        breaks=_breaks(costs, planned),
    )


def _per_hour(way: dict[str, Any]) -> float:
    """Return trainings an hour, by the median: a mean would follow one busy moment."""
    return 3600 * way["jobs"] / statistics.median(way["of_each"])


def _measured(*ways: dict[str, Any]) -> str:
    lines = ["| processes | trainings | a training, s | trainings an hour | all together, s |"]
    lines.append("|--:|--:|--:|--:|--:|")
    for of in ways:
        cells = [of["jobs"], of["trainings"], by_processor.middle(of["of_each"])]
        cells += [f"{_per_hour(of):.0f}", f"{of['seconds']:.0f}"]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _plan(costs: Costs, planned: dict[int, Planned]) -> str:
    lines = [
        "| machines | hours | share of the ideal, % | trainings lost | "
        "the head sends, GB | and is busy with it, % | the command is busy, % |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for machines, plan in planned.items():
        ideal = costs.training * PLANNED / machines
        cells = [
            f"{machines:,}",
            f"{plan.seconds / 3600:,.2f}",
            f"{100 * ideal / plan.seconds:.0f}",
            f"{plan.lost}",
            f"{plan.sending * BANDWIDTH / 1e9:,.1f}",
            f"{100 * plan.sending / plan.seconds:.1f}",
            f"{100 * plan.busy / plan.seconds:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _breaks(costs: Costs, planned: dict[int, Planned]) -> str:
    """Say what breaks first."""
    most = max(planned)
    waits = most * costs.bytes / BANDWIDTH
    return (
        f"**What breaks first** is the start: of {most:,} machines, the last one has its images "
        f"after {waits:,.0f} s, and a training takes {costs.training:.0f} s. Images of one byte a "
        "pixel, in place of four, would be the next step. Then comes the size of the work: with a "
        "machine for each training, a lost one doubles the time. The command itself could take "
        f"{1 / costs.driver:,.0f} results a second, those of "
        f"{costs.training / costs.driver:,.0f} machines; but it has a thread for each training "
        "that it waits for, and nobody has tried a thousand of them."
    )


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("--cluster", metavar="ADDRESS", help="measure handing out, docs/cluster.md")
    return parser


if __name__ == "__main__":
    command.run(main, parser())
