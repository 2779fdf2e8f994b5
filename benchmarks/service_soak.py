"""Measure the service among hostile clients: `python -m benchmarks.service_soak`.

It writes docs/service_soak.md. Good clients ask at a modest rate while two hostile clients of each
kind attack. The command ends with status 1 where the service breaks a promise. All clients share
this machine's cores with it.
"""

import contextlib
import http.client
import io
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from benchmarks import by_processor
from benchmarks.hostile import process
from benchmarks.hostile.__main__ import INPUTS
from benchmarks.service_load import inference, photograph, png
from fashion_mnist import command, files, progress
from fashion_mnist.dataset import splits
from fashion_mnist.errors import InputError

# Each client has an address of its own: good ones 127.0.1.1, 127.0.1.2, ...; the one that asks
# whether the service is ready 127.0.2.1; hostile ones those of crowd.NETWORK.
GOOD, WATCHING = "127.0.1.{}", "127.0.2.1"
TIMEOUT = 30.0  # seconds that a good client waits
IDLE = 60.0  # seconds without any client, before the memory at the end
AGAIN = 10.0  # seconds of new attacks before the signal to stop
LONGEST_EXIT = 60.0  # seconds until it is killed
FOREVER = 86_400.0  # seconds, for hostile clients that are stopped
WATCHED = 0.25  # seconds between two questions whether it is ready
# The promises.
SLOWEST = 1.0  # seconds of the slowest hundredth of answers, while the service says it is ready
EXIT = 5.0  # seconds from SIGTERM to the end
WARM_UP = 30.0  # seconds of attacks before the memory is taken as that at the start
GROWN = 250.0  # MB more than at the start, a minute after the last client
MOST = 1500.0  # MB more than at the start, at any time
SERVED = 0.5  # share of a good client's requests that are answered
CLOSED, NO_ANSWER = "connection closed", "no answer"
TEXT = """# The service among hostile clients

Made by `python -m benchmarks.service_soak`. Good clients ask at a fixed rate; two hostile clients
of each kind attack at the same time, one attack after the other. Every client has its own address.
The hostile inputs are those of [hostile.md](hostile.md). Times are in milliseconds and count from
when a request was due, so an answer that others wait for counts as theirs, too; no answer counts as
{timeout:.0f} s. `ready` is what `/v2/health/ready` says. All clients share the cores with the
service. {machines}
"""
OF_A_KIND = """
## {kind}

{minutes:g} minutes, {hostile} attacks.

| good request | per s | sent | answered | 503, again | otherwise | p50 | p95 | p99 | p99, ready |
|---|---|---|---|---|---|---|---|---|---|
{rows}

{ready}

Memory: {memory}.

After SIGTERM among attacks the service ended in {exit:.1f} s, with status {status}{said}.

{promises}
"""


Run = Callable[[threading.Event], None]


class Good(NamedTuple):
    """A kind of good client: what it asks, and how many times in a second."""

    name: str
    rate: float
    path: str
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012 - of a tuple, which is not changed


class Asked(NamedTuple):
    """A request: when it was due and answered, and its status or what happened instead."""

    due: float
    ended: float
    outcome: str

    @property
    def seconds(self) -> float:
        return self.ended - self.due


class Looked(NamedTuple):
    """What /v2/health/ready said: "true", "false", or nothing."""

    at: float
    seconds: float
    said: str


def good_clients() -> list[Good]:
    pixels = splits.to_pixels(splits.load(Path("data/test")).images[:64])
    small = png(pixels[0])
    one, length_of_one = inference(pixels[:1], binary=True)
    many, length_of_many = inference(pixels, binary=True)
    binary = {"content-type": "application/octet-stream"}
    head = "inference-header-content-length"
    picture, jpeg = {"content-type": "image/png"}, {"content-type": "image/jpeg"}
    return [
        Good("`/predict`, 28x28 PNG", 4, "/predict", small, picture),
        Good("`/predict`, 1200x1600 JPEG", 1, "/predict", photograph(pixels[0]), jpeg),
        Good("`/predict`, 12-megapixel JPEG", 0.5, "/predict", from_a_phone(pixels[0]), jpeg),
        Good("`/similar`, 28x28 PNG", 1, "/similar", small, picture),
        Good(
            "`cnn/infer`, 1 image", 2, "/v2/models/cnn/infer", one, binary | {head: length_of_one}
        ),
        Good(
            "`cnn/infer`, 64 images",
            1,
            "/v2/models/cnn/infer",
            many,
            binary | {head: length_of_many},
        ),
        Good("the page", 1, "/"),
        Good("`/metrics`", 0.5, "/metrics"),
    ]


def from_a_phone(pixels: np.ndarray) -> bytes:
    """Return a picture as phones make them: 4000x3000, noisy, JPEG, about 4 MB."""
    canvas = Image.new("L", (4000, 3000), 235)
    canvas.paste(Image.fromarray(255 - pixels).resize((2600, 2600)), (700, 200))
    noise = np.random.default_rng(0).normal(0, 7, (3000, 4000, 3))
    noisy = (np.asarray(canvas.convert("RGB")) + noise).clip(0, 255).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(noisy).save(content, "JPEG", quality=88)
    return content.getvalue()


class Client:
    """A good client, which keeps its connection while that works."""

    def __init__(self, good: Good, host: str, port: int, address: str) -> None:
        self.good, self.asked = good, list[Asked]()
        self.at, self.address = (host, port), address
        self.connection: http.client.HTTPConnection | None = None

    def run(self, ended: threading.Event) -> None:
        """Ask again and again at a fixed rate."""
        every, due = 1 / self.good.rate, time.monotonic()
        while not ended.wait(max(0, due - time.monotonic())):
            outcome = self.ask()
            now = time.monotonic()
            # What was due meanwhile would have waited, too.
            while due <= now:
                self.asked.append(Asked(due, now, outcome))
                due += every

    def ask(self) -> str:
        """Send the request; return the status, or what happened instead."""
        for attempt in range(2):
            is_kept = self.connection is not None
            try:
                return self._ask()
            except TimeoutError:
                self._forget()
                return NO_ANSWER
            except (OSError, http.client.HTTPException):
                self._forget()
                # A kept connection may be closed at any time; as browsers do, try a new one.
                if not is_kept or attempt:
                    return CLOSED
        return CLOSED

    def _ask(self) -> str:
        if self.connection is None:
            self.connection = http.client.HTTPConnection(
                *self.at, timeout=TIMEOUT, source_address=(self.address, 0)
            )
        method = "POST" if self.good.body else "GET"
        self.connection.request(method, self.good.path, self.good.body, self.good.headers)
        answer = self.connection.getresponse()
        answer.read()
        if answer.will_close:
            self._forget()
        again = ", try again" if answer.headers.get("retry-after") else ""
        return f"{answer.status}{again}"

    def _forget(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection = None


class Watch:
    """Asks whether the service is ready, and how much memory it has."""

    def __init__(self, host: str, port: int, pid: int) -> None:
        self.pid = pid
        self.looked: list[Looked] = []
        self.memory: list[tuple[float, float]] = []
        self.client = Client(Good("ready", 1, "/v2/health/ready"), host, port, WATCHING)

    def run(self, ended: threading.Event) -> None:
        while not ended.wait(WATCHED):
            started = time.monotonic()
            status = self.client.ask()
            said = {"200": "true", "503": "false", "503, try again": "false"}.get(status, "nothing")
            self.looked.append(Looked(started, time.monotonic() - started, said))
            try:
                self.memory.append((time.monotonic(), process.resident(self.pid)))
            except OSError:
                return


class Soak(NamedTuple):
    """What was found."""

    minutes: float
    asked: dict[str, list[Asked]]
    looked: list[Looked]
    start: float
    most: float
    at_end: float
    after_idle: float
    crashed: bool
    exit: float
    status: int
    said: str
    attacks: dict[str, dict[str, int]]


def soak(minutes: float) -> Soak:
    """Start a service, attack it, and stop it among attacks.

    Raises:
        InputError: the service does not start.
    """
    goods = good_clients()
    with tempfile.TemporaryFile("w+") as errors:
        serve = [sys.executable, "-m", "service", "--port", "0"]
        server = subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            assert server.stdout is not None
            url, *_ = server.stdout.readline().split() or [""]
            if not url:
                errors.seek(0)
                raise InputError(f"the service did not start: {errors.read()}")
            host, _, port = url.removeprefix("http://").rpartition(":")
            clients = [
                Client(good, host, int(port), GOOD.format(number))
                for number, good in enumerate(goods, 1)
            ]
            for client in clients:
                for _ in range(3):
                    client.ask()  # warms up
            # What models and libraries take when they first meet their largest inputs stays.
            _among_attacks(url, min(WARM_UP, minutes * 60), [])
            start = process.resident(server.pid)
            watch = Watch(host, int(port), server.pid)
            attacks = _among_attacks(url, minutes * 60, [watch.run, *(c.run for c in clients)])
            crashed = server.poll() is not None
            most = max(memory for _, memory in watch.memory)
            progress.say("a minute without clients")
            at_end = 0.0 if crashed else process.resident(server.pid)
            time.sleep(min(IDLE, minutes * 60))
            crashed = server.poll() is not None
            after_idle = 0.0 if crashed else process.resident(server.pid)
            lasted = _stop_among_attacks(server, url, min(AGAIN, minutes * 60))
        finally:
            server.kill()
            server.wait()
        errors.seek(0)
        return Soak(
            minutes=minutes,
            asked={client.good.name: client.asked for client in clients},
            looked=watch.looked,
            start=start,
            most=most,
            at_end=at_end,
            after_idle=after_idle,
            crashed=crashed,
            exit=lasted,
            status=server.returncode,
            said=errors.read(),
            attacks=attacks,
        )


@contextlib.contextmanager
def _crowd(url: str) -> Iterator[subprocess.Popen]:
    """Let hostile clients attack; they have made what they send when the block begins."""
    hostile = [sys.executable, "-m", "benchmarks.hostile.crowd", url, "--seconds", str(FOREVER)]
    crowd = subprocess.Popen(hostile, stdout=subprocess.PIPE, text=True)
    try:
        assert crowd.stdout is not None
        crowd.stdout.readline()
        yield crowd
    finally:
        crowd.kill()
        crowd.wait()


def _among_attacks(url: str, seconds: float, runs: list[Run]) -> dict[str, dict[str, int]]:
    """Run functions in threads, while hostile clients attack; return the attacks."""
    progress.say("the hostile clients make what they send")
    ended = threading.Event()
    with _crowd(url) as crowd:
        progress.say(f"attacks for {seconds:.0f} seconds")
        threads = [threading.Thread(target=run, args=(ended,), daemon=True) for run in runs]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        ended.set()
        for thread in threads:
            thread.join()
        crowd.terminate()
        assert crowd.stdout is not None
        return json.loads(crowd.stdout.readline())


def _stop_among_attacks(server: subprocess.Popen, url: str, seconds: float) -> float:
    """Attack again, end the service by SIGTERM, and return how long that took."""
    progress.say("SIGTERM among attacks")
    with _crowd(url):
        time.sleep(seconds)
        started = time.monotonic()
        server.terminate()
        try:
            server.wait(LONGEST_EXIT)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        return time.monotonic() - started


def while_ready(asked: list[Asked], looked: list[Looked]) -> list[Asked]:
    """Return the requests during which the service never said that it is not ready."""
    not_ready = [(one.at - WATCHED, one.at + one.seconds) for one in looked if one.said == "false"]
    return [
        one
        for one in asked
        if not any(start <= one.ended and one.due <= end for start, end in not_ready)
    ]


def percentile(asked: list[Asked], percent: float) -> float | None:
    """Return a percentile of the milliseconds until an answer of 200; None where none was sent.

    What was refused does not count; what got no answer does, with the time until it gave up.
    """
    counted = [one.seconds * 1000 for one in asked if one.outcome in ("200", NO_ANSWER)]
    return float(np.percentile(counted, percent)) if counted else None


def summary(found: Soak) -> dict[str, Any]:
    """Return what the document shows, as JSON."""
    requests = {}
    for name, asked in found.asked.items():
        ready = while_ready(asked, found.looked)
        requests[name] = {
            "outcomes": dict(Counter(one.outcome for one in asked)),
            **{f"p{percent}": percentile(asked, percent) for percent in (50, 95, 99)},
            "p99_ready": percentile(ready, 99),
        }
    slow = [one for one in found.looked if one.seconds > SLOWEST]
    return {
        "minutes": found.minutes,
        "attacks": found.attacks,
        "requests": requests,
        "ready": dict(Counter(one.said for one in found.looked)),
        "ready_late": len(slow),
        "ready_slowest_seconds": max((one.seconds for one in found.looked), default=0.0),
        "memory": {
            "start": found.start,
            "most": found.most,
            "at_end": found.at_end,
            "after_idle": found.after_idle,
        },
        "crashed": found.crashed,
        "exit_seconds": found.exit,
        "status": found.status,
        "stderr": found.said[:2000],
    }


def broken(found: dict[str, Any]) -> list[str]:
    """Return a line for each promise that was not kept."""
    lines = []
    for name, of in found["requests"].items():
        outcomes, sent = of["outcomes"], sum(of["outcomes"].values())
        if wrong := [said for said in outcomes if said.startswith("5") and said[:3] != "503"]:
            lines.append(f"{name}: status {', '.join(wrong)}")
        if (late := of["p99_ready"] or 0) > 1000 * SLOWEST:
            lines.append(f"{name}: p99 of {late:,.0f} ms while ready")
        answered = outcomes.get("200", 0)
        if answered < SERVED * sent:
            lines.append(f"{name}: {answered} of {sent} requests answered")
    for kind, of in found["attacks"].items():
        if wrong := [said for said in of if said.startswith("5") and said != "503"]:
            lines.append(f"{kind}: status {', '.join(wrong)}")
    if found["ready_late"]:
        slowest = found["ready_slowest_seconds"]
        lines.append(f"`ready`: {found['ready_late']} late answers, the slowest {slowest:.1f} s")
    memory = found["memory"]
    if (grown := memory["after_idle"] - memory["start"]) > GROWN:
        lines.append(f"memory: {grown:.0f} MB more than at the start")
    if (most := memory["most"] - memory["start"]) > MOST:
        lines.append(f"memory: {most:.0f} MB more at its most")
    if found["crashed"]:
        lines.append("it crashed")
    if found["exit_seconds"] > EXIT or found["status"]:
        lines.append(f"its end: {found['exit_seconds']:.1f} s, status {found['status']}")
    if found["stderr"]:
        lines.append("stderr: " + found["stderr"].strip().splitlines()[-1][:200])
    return lines


def document(by_kind: dict[str, dict]) -> str:
    """Return docs/service_soak.md from the measurements by kind of processor."""
    text = TEXT.format(timeout=TIMEOUT, machines=by_processor.machines(by_kind))
    for kind, found in by_kind.items():
        lines = broken(found)
        text += OF_A_KIND.format(
            kind=kind,
            minutes=found["minutes"],
            hostile=f"{sum(sum(of.values()) for of in found['attacks'].values()):,}",
            rows="\n".join(_row(name, of, found) for name, of in found["requests"].items()),
            ready=_ready(found),
            memory=_memory(found["memory"]),
            exit=found["exit_seconds"],
            status=found["status"],
            said=" and text on stderr" if found["stderr"] else " and nothing on stderr",
            promises="Promises that were broken:\n\n" + "\n".join(f"- {line}" for line in lines)
            if lines
            else "All promises were kept.",
        )
    return text


def _row(name: str, of: dict[str, Any], found: dict[str, Any]) -> str:
    outcomes = of["outcomes"]
    sent, answered = sum(outcomes.values()), outcomes.get("200", 0)
    again = outcomes.get("503, try again", 0)
    others = {k: n for k, n in outcomes.items() if k not in ("200", "503, try again")}
    refused = ", ".join(f"{n} {said}" for said, n in sorted(others.items())) or "0"
    rate = sent / (60 * found["minutes"])
    times = " | ".join(
        "" if of[at] is None else f"{of[at]:,.0f}" for at in ("p50", "p95", "p99", "p99_ready")
    )
    return f"| {name} | {rate:.1f} | {sent} | {answered} | {again} | {refused} | {times} |"


def _ready(found: dict[str, Any]) -> str:
    said = found["ready"]
    looked = sum(said.values())
    shares = ", ".join(f"{100 * said.get(of, 0) / max(looked, 1):.0f} % {of}" for of in said)
    return (
        f"`ready` was asked for {looked} times: {shares}; {found['ready_late']} answers took more "
        f"than {SLOWEST:g} s, the slowest {found['ready_slowest_seconds']:.1f} s."
    )


def _memory(memory: dict[str, float]) -> str:
    return (
        f"{memory['start']:.0f} MB after the first {WARM_UP:.0f} s of attacks, "
        f"{memory['most']:.0f} MB at its most, {memory['at_end']:.0f} MB at the\nend of the "
        f"attacks, {memory['after_idle']:.0f} MB "
        "after a minute without clients"
    )


def main(minutes: float, dry: bool) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it ends what it started
    found = summary(soak(minutes))
    if dry:
        print(json.dumps(found, indent=2))
    else:
        by_processor.write("service_soak", found, "benchmarks/service_soak.py", *INPUTS)
        text = document(by_processor.read("service_soak"))
        files.write_bytes(Path("docs/service_soak.md"), text.encode())
    for line in broken(found):
        print(f"broken: {line}")
    return 1 if broken(found) else 0


if __name__ == "__main__":
    parser = command.parser(__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="of attacks; default: 10")
    parser.add_argument("--dry", action="store_true", help="print what was found; write no file")
    command.run(main, parser)
