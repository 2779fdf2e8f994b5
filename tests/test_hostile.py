"""Hostile inputs are refused or answered at a bounded cost, and others are still answered."""

import asyncio
import io
import json
import os
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import requests
from conftest import Service, made_images
from PIL import Image

from benchmarks import service_soak
from benchmarks.hostile import bodies, clients, costs, crowd, mutations, pictures, process
from benchmarks.service_soak import Asked, Looked

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's /proc"),
]

MUTATIONS = 500  # of each format
CPU = 8.0  # seconds that an input may cost; of a slow machine
MEGABYTES = 600.0  # that an input may cost
LATE = 5.0  # seconds; nobody else may wait so long, while other tests share the cores
SLOWEST = 10.0  # seconds for a mutation
ERROR = 1000  # characters of a reason
PATIENCE = "2"  # seconds of the service that slow clients meet
PIXELS = made_images(64, seed=7)[0]


@pytest.fixture(scope="module")
def lonely(exported):
    """A service for one input at a time, which is started anew where one keeps it busy."""
    with costs.serving("--models", str(exported)) as service:
        yield service


def check_refusal(answer: requests.Response) -> None:
    """Check that a refusal is one short line of JSON."""
    assert 400 <= answer.status_code < 500, answer.text[:200]
    assert answer.json().keys() == {"error"}
    assert len(answer.json()["error"]) <= ERROR
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize("name", bodies.ALL)
def test_a_hostile_body_costs_little_and_gets_an_answer_or_a_reason(lonely, name):
    body = bodies.ALL[name]()
    answers: list[requests.Response] = []

    async def attack(target: clients.Target) -> str:
        url = f"http://{target.host}:{target.port}{body.path}"
        with requests.Session() as session:
            try:
                # Twice the time, because tests share the cores.
                answers.append(
                    session.post(url, body.content, headers=body.headers, timeout=2 * CPU)
                )
            except requests.Timeout:
                return clients.NO_ANSWER
            except requests.ConnectionError:
                return "closed"  # while this client was still sending
        return str(answers[0].status_code)

    found = costs.cost(lonely, name, attack, longest=CPU)
    assert found.answer not in (clients.NO_ANSWER, "crashed")
    assert "busy" not in found.answer
    assert found.cpu < CPU
    assert found.megabytes < MEGABYTES
    for answer in answers:
        if answer.status_code != 200:
            check_refusal(answer)


@pytest.fixture(scope="module")
def impatient(exported):
    """A service that waits for two seconds; what it says on stderr fails the tests."""
    running = Service(exported, "--timeout", PATIENCE)
    yield running
    assert running.stop() == (0, "")


@pytest.mark.parametrize("name", [*clients.BEHAVIOURS, *clients.LEAVING])
def test_others_are_answered_in_time_whatever_a_client_does(impatient, monkeypatch, name):
    """Nothing waits for the machine here but the address that says that the service lives."""
    monkeypatch.setattr(clients, "HOLD", 2.0)
    monkeypatch.setattr(clients, "PATIENCE", 20.0)
    monkeypatch.setattr(clients, "FLOOD", 400)
    host, _, port = impatient.url.removeprefix("http://").partition(":")
    bad, good = (clients.Target(host, int(port), f"127.0.{of}.1") for of in (9, 1))
    attack = (clients.BEHAVIOURS | clients.LEAVING)[name]
    alive = clients.get("/v2/health/live", "connection: close")
    waits, answers = [], []

    async def both() -> str:
        attacking = asyncio.create_task(attack(bad))
        while not attacking.done():
            started = time.perf_counter()
            answers.append(await clients.exchange(good, [alive], seconds=2 * LATE))
            waits.append(time.perf_counter() - started)
            await asyncio.sleep(0.05)
        return await attacking

    with process.Most(impatient.process.pid) as most:
        before = most.megabytes
        outcome = asyncio.run(both())
    assert set(answers) == {"200"}
    assert max(waits) < LATE
    assert not outcome.startswith("5") or outcome == "503"
    assert most.megabytes - before < MEGABYTES
    process.wait_until_idle(impatient.process.pid, 3 * CPU)


def noise(side: int) -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (side, side, 3)).astype(np.uint8)
    image = Image.fromarray(values).resize((3 * side, 3 * side))
    image.paste((255, 255, 255), (0, 0, 3 * side, side // 2))
    return image


def saved(kind: str, mode: str = "RGB", **options) -> bytes:
    content = io.BytesIO()
    noise(16).convert(mode).save(content, kind, **options)
    return content.getvalue()


def interlaced_png() -> bytes:
    """Return noise in the seven passes of Adam7."""
    side, rng = 20, np.random.default_rng(0)
    starts = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
    rows = []
    for left, top, right, down in [*starts, (0, 1, 1, 2)]:
        width = len(range(left, side, right))
        rows += [bytes([rng.integers(5)]) + rng.bytes(3 * width) for _ in range(top, side, down)]
    pixels = pictures.chunk(b"IDAT", mutations.zlib.compress(b"".join(rows)))
    return pictures.png(side, side, pictures.COLOURED, interlaced=True, pixels=pixels)


def tensor(count: int, binary: bool) -> bodies.Body:
    content, length = service_soak.inference(PIXELS[:count], binary)
    return bodies.Body(bodies.INFER, {bodies.HEAD_LENGTH: length}, content)


def as_picture(content: bytes) -> bodies.Body:
    return bodies.Body("/similar", {"content-type": "image/png"}, content)


SEEDS: dict[str, Callable[[], bodies.Body]] = {
    "JPEG": lambda: as_picture(saved("JPEG")),
    "progressive JPEG": lambda: as_picture(saved("JPEG", progressive=True)),
    "PNG": lambda: as_picture(saved("PNG")),
    "interlaced PNG": lambda: as_picture(interlaced_png()),
    "PNG with a palette": lambda: as_picture(saved("PNG", "P", transparency=3)),
    "WebP": lambda: as_picture(saved("WEBP")),
    "lossless WebP": lambda: as_picture(saved("WEBP", lossless=True)),
    "GIF": lambda: as_picture(saved("GIF")),
    "BMP": lambda: as_picture(saved("BMP")),
    "form": lambda: bodies.form([bodies.part(saved("PNG")), bodies.part(saved("JPEG"), file="ü")]),
    "inference request": lambda: tensor(1, binary=False)._replace(headers={}),
    "inference request, binary": lambda: tensor(2, binary=True),
}


@pytest.mark.parametrize("name", SEEDS)
def test_mutated_requests_are_answered_or_refused_with_a_line(service, name):
    body = SEEDS[name]()
    others = [make().content for other, make in SEEDS.items() if other != name]
    pid = service.process.pid
    answered = 0
    with requests.Session() as session:
        session.post(service.url + body.path, body.content, headers=body.headers, timeout=30)
        before = process.resident(pid)
        for number, changed in enumerate(
            mutations.mutations(body.content, MUTATIONS, others, seed=len(name))
        ):
            started = time.perf_counter()
            answer = session.post(
                service.url + body.path, changed, headers=body.headers, timeout=30
            )
            assert time.perf_counter() - started < SLOWEST, number
            if answer.status_code == 200:
                answered += 1
                json.loads(answer.content[: int(answer.headers.get(bodies.HEAD_LENGTH, 10**9))])
            else:
                check_refusal(answer)
    # Otherwise the mutations try little: all break, or none does.
    assert 0 < answered < MUTATIONS
    assert process.resident(pid) - before < 100


def test_mutations_are_the_same_for_a_seed_and_others_for_another():
    def made(seed: int) -> list[bytes]:
        return list(mutations.mutations(saved("PNG"), 20, [b"other"], seed))

    assert made(1) == made(1) != made(2)
    assert all(one != other for one, other in pairwise(made(1)))


def test_checksums_of_a_changed_png_become_right():
    content = pictures.png(8, 8, before=pictures.chunk(b"tEXt", b"k\0text"))
    assert mutations.with_checksums(content) == content
    changed = content.replace(b"text", b"next")
    assert mutations.with_checksums(changed) == pictures.png(
        8, 8, before=pictures.chunk(b"tEXt", b"k\0next")
    )


def test_no_body_is_larger_than_the_service_takes():
    """A larger one would be refused for its size alone."""
    sizes = {name: len(make().content) for name, make in bodies.ALL.items()}
    assert {name for name, size in sizes.items() if size > 20_000_000} == set()


def test_zeros_are_compressed_as_zlib_would_read_them():
    for count in (0, 1, 5000, 1 << 20, (1 << 22) + 77):
        assert mutations.zlib.decompress(pictures.zeros(count)) == bytes(count)


def test_costs_count_children_that_run_and_those_that_ended():
    before = process.cpu_seconds(os.getpid())
    child = os.fork()
    if child == 0:
        while time.process_time() < 0.5:
            pass
        os._exit(0)
    assert child in process.tree(os.getpid())
    os.waitpid(child, 0)
    assert child not in process.tree(os.getpid())
    assert process.cpu_seconds(os.getpid()) - before >= 0.3


def test_every_hostile_client_has_an_address_of_its_own():
    count = crowd.EACH * len(crowd.kinds("jpeg of")) + crowd.EACH * (len(clients.BEHAVIOURS) + 20)
    addresses = [address for address, _ in zip(crowd.addresses(), range(count), strict=False)]
    assert len(set(addresses)) == count
    assert not {service_soak.WATCHING, service_soak.GOOD.format(1)} & set(addresses)


def asked(*outcomes: tuple[float, str]) -> list[Asked]:
    return [Asked(float(at), at + late, outcome) for at, (late, outcome) in enumerate(outcomes)]


def kept() -> dict:
    """Return a soak in which every promise was kept."""
    found = service_soak.Soak(
        minutes=1,
        asked={"a": asked(*[(0.1, "200")] * 60)},
        looked=[Looked(at, 0.01, "true") for at in range(60)],
        start=400,
        most=900,
        at_end=500,
        after_idle=450,
        crashed=False,
        exit=1.0,
        status=0,
        said="",
        attacks={"png files": {"422": 3, "503": 1}},
    )
    return service_soak.summary(found)


def test_a_soak_that_kept_its_promises_says_so():
    assert service_soak.broken(kept()) == []
    text = service_soak.document({"AVX2": kept() | {"processor": PROCESSOR}})
    assert "All promises were kept." in text
    assert "| a | 1.0 | 60 | 60 | 0 | 0 | 100 | 100 | 100 | 100 |" in text


PROCESSOR = {"kind": "AVX2", "model": "A", "cores": 2}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"crashed": True}, "it crashed"),
        ({"exit_seconds": 5.1}, "its end: 5.1 s"),
        ({"status": 1}, "status 1"),
        ({"stderr": "Traceback\nValueError\n"}, "stderr: ValueError"),
        ({"memory": {"start": 1, "most": 9, "after_idle": 300, "at_end": 3}}, "299 MB more than"),
        ({"memory": {"start": 1, "most": 1700, "after_idle": 2, "at_end": 3}}, "at its most"),
        ({"attacks": {"gif files": {"500": 1}}}, "gif files: status 500"),
        ({"ready_late": 1, "ready_slowest_seconds": 7.0}, "the slowest 7.0 s"),
    ],
)
def test_a_broken_promise_is_named(change, said):
    (line,) = service_soak.broken(kept() | change)
    assert said in line


def test_late_answers_are_excused_only_while_the_service_says_so():
    late = asked(*[(0.1, "200")] * 30, *[(3.0, "200")] * 2, *[(0.1, "200")] * 30)
    said_so = [Looked(at, 0.01, "false" if 29 < at < 36 else "true") for at in range(62)]
    silent = [one._replace(said="nothing" if one.said == "false" else "true") for one in said_so]
    assert service_soak.percentile(late, 99) == pytest.approx(3000)
    of = service_soak.while_ready(late, said_so)
    assert service_soak.percentile(of, 99) == pytest.approx(100)
    assert service_soak.while_ready(late, silent) == late


def test_requests_without_an_answer_count_as_late():
    assert service_soak.percentile(asked((30, "no answer"), (0.1, "503")), 50) == 30_000
    assert service_soak.percentile(asked((0.1, "503, try again")), 50) is None
