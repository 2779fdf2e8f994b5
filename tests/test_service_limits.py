"""What one client, or what one request, may take from the others."""

import asyncio
import contextlib
import io
import json
import platform
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import requests
from conftest import ROOT, Service
from fastapi import HTTPException
from PIL import Image
from starlette.requests import ClientDisconnect, Request
from test_service import INFER, PIXELS, answer, bomb, connected, inference, memory, png, post

from service import crowds, lanes
from service.lanes import Lane
from service.long_heads import LONGEST

GET = b"GET /v2/health/live HTTP/1.1\r\nhost: x\r\n"
POST = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"


def flood(client: socket.socket, start: bytes, endless: bytes) -> tuple[int, bytes]:
    """Send without end; return the answer, or (0, b"") where the connection was only closed."""
    client.sendall(start)
    with contextlib.suppress(OSError):
        for _ in range(40_000_000 // len(endless)):
            client.sendall(endless)
    try:
        return answer(client)
    except OSError:  # reset, because this client was still sending
        return 0, b""


@pytest.mark.parametrize(
    ("start", "endless", "status"),
    [
        (GET, 5000 * b"a: b\r\n", 431),
        (GET + b"cookie: ", bytes(65536).replace(b"\0", b"a"), 431),
        (b"GET /", 65536 * b"a", 414),
        (CHUNKED + b"1\r\na\r\n0\r\n", 5000 * b"a: b\r\n", 431),
        (CHUNKED + b"1\r\na\r\n0\r\na: ", 65536 * b"a", 431),
        (CHUNKED + b"1;", 65536 * b"a", 431),
    ],
    ids=["headers", "header", "address", "trailers", "trailer", "chunk extension"],
)
def test_what_surrounds_a_body_is_cut_off_at_64_kilobytes(service, start, endless, status):
    before = memory(service)
    with connected(service) as client:
        found, body = flood(client, start, endless)
    assert found in (0, status)
    if found:
        assert json.loads(body).keys() == {"error"}
    assert memory(service) - before < 20_000_000
    assert post(service, "/predict", png(PIXELS[0])).status_code == 200


def test_a_long_head_is_answered_and_one_that_is_just_short_enough_too(service):
    for size, status in ((LONGEST - 1000, 200), (LONGEST, 431)):
        with connected(service) as client:
            client.sendall(GET + b"cookie: " + size * b"a" + b"\r\n\r\n")
            assert answer(client)[0] == status


def test_many_short_headers_are_a_long_head(service):
    for count, status in ((1000, 200), (2000, 431)):
        with connected(service) as client:
            client.sendall(GET + count * b"a: b\r\n" + b"\r\n")
            assert answer(client)[0] == status


@pytest.mark.parametrize(
    ("sent", "count"),
    [(10_000 * (GET + b"\r\n"), 101), (CHUNKED + 10_000 * b"1\r\na\r\n", 1)],
    ids=["requests", "chunks of one byte"],
)
def test_a_flood_of_small_pieces_ends_the_connection(service, sent, count):
    with connected(service) as client, contextlib.suppress(OSError):
        client.sendall(sent)
        received = b"".join(iter(lambda: client.recv(1 << 16), b""))
        assert 0 < received.count(b"HTTP/1.1") <= count


def test_a_client_that_holds_all_connections_makes_room_for_others(exported):
    service = Service(exported)
    host, port = service.url.removeprefix("http://").split(":")
    held = [
        socket.create_connection((host, int(port)), source_address=("127.0.0.8", 0))
        for _ in range(crowds.CONNECTIONS + 50)
    ]
    for _ in range(20):
        assert post(service, "/predict", png(PIXELS[0])).status_code == 200
    for client in held:
        client.close()
    assert service.stop() == (0, "")


def test_a_body_in_many_chunks_of_some_size_is_read(service):
    content = png(np.random.default_rng(0).integers(0, 256, (400, 400), dtype=np.uint8))
    pieces = [content[at : at + 80] for at in range(0, len(content), 80)]
    assert len(pieces) > 1500
    with connected(service) as client:
        client.sendall(CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces))
        client.sendall(b"0\r\n\r\n")
        assert answer(client)[0] == 200


@pytest.mark.parametrize(
    "head",
    [
        b"[" + b"{}," * 2_000_000 + b"0]",
        b'{"inputs":[' + b'"",' * 2_000_000 + b'""]}',
        b"[" + b"[]," * 2_000_000 + b"0]",
        b"[" + b"1.5," * 1_500_000 + b"0]",
        b" " * 7_000_000,
    ],
    ids=["objects", "strings", "lists", "numbers", "length"],
)
def test_json_that_costs_more_than_any_request_is_not_parsed(service, head):
    before, started = memory(service), time.perf_counter()
    response = post(service, INFER, head, "application/json")
    assert (response.status_code, response.json().keys()) == (413, {"error"})
    assert time.perf_counter() - started < 5
    assert memory(service) - before < 100_000_000


GIVEN_BACK = """
import resource, sys
from pathlib import Path
from service import __main__ as service

def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6

if sys.argv[1:]:
    service._give_memory_back()
first = bytearray(20_000_000)
del first
second = bytearray(b"x") * 20_000_000
behind = [bytearray(100_000) for _ in range(3)]
before = resident()
del second
print(before - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="for glibc alone")
def test_a_large_buffer_goes_back_to_the_system_even_if_another_was_freed_before():
    kept, given_back = (
        float(subprocess.check_output([sys.executable, "-c", GIVEN_BACK, *options], cwd=ROOT))
        for options in ([], ["yes"])
    )
    assert kept < 1
    assert given_back > 19


def test_the_largest_request_in_json_is_answered_and_a_long_id_is_refused(service):
    images = np.zeros((1024, 28, 28), int).tolist()
    outputs = [{"name": "probabilities"}]
    largest = inference(shape=[1024, 28, 28], data=images) | {"outputs": outputs}
    response = post(service, INFER, json.dumps(largest).encode(), "application/json")
    assert response.json()["outputs"][0]["shape"] == [1024, 10]
    for length, status in ((256, 200), (257, 422)):
        body = json.dumps(inference() | {"id": "a" * length}).encode()
        assert post(service, INFER, body, "application/json").status_code == status


def of(client: str, left: bool = False) -> Request:
    """Return a request of a client, that may have left."""

    async def receive():
        if not left:
            await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    return Request({"type": "http", "client": (client, 1), "headers": []}, receive)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"--b\r\n" * 1000, "a form of too many parts; expected at most 100 files"),
        (b"--b" + b" " * 1000 + b"\r\n", "a form's boundary that blanks follow"),
    ],
    ids=["many", "padded"],
)
def test_odd_boundaries_are_refused_before_the_form_is_parsed(body, said, service):
    answer = post(service, "/predict", body, "multipart/form-data; boundary=b")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(said)


def test_who_has_used_a_lane_least_goes_first():
    async def compete() -> list[str]:
        lane, order = Lane("test", 1), []

        def work(name: str, seconds: float) -> None:
            order.append(name)
            ends = time.thread_time() + seconds
            while time.thread_time() < ends:
                pass

        greedy = [lane.run(of("greedy"), work, "greedy", 0.2) for _ in range(4)]
        tasks = [asyncio.create_task(each) for each in greedy]
        while len(order) < 2:
            await asyncio.sleep(0.01)
        tasks += [asyncio.create_task(lane.run(of("modest"), work, "modest", 0)) for _ in range(3)]
        await asyncio.gather(*tasks)
        return order

    assert asyncio.run(compete()) == [*["greedy"] * 2, *["modest"] * 3, *["greedy"] * 2]


def test_a_turn_that_does_not_come_is_refused_and_the_lane_goes_on(monkeypatch):
    monkeypatch.setattr(lanes, "PATIENCE", 0.1)
    monkeypatch.setattr(lanes, "READY", 0.1)

    async def wait() -> None:
        lane = Lane("test", 1)
        assert await lane.is_ready()
        slow = asyncio.create_task(lane.run(of("a"), time.sleep, 0.4))
        await asyncio.sleep(0.01)
        assert not await lane.is_ready()
        with pytest.raises(HTTPException) as refused:
            await lane.run(of("b"), int)
        assert (refused.value.status_code, refused.value.headers) == (503, {"retry-after": "1"})
        await slow
        assert await lane.run(of("b"), int, "7") == 7
        assert await lane.is_ready()

    asyncio.run(wait())


def test_work_of_a_client_that_left_is_dropped():
    async def leave() -> None:
        lane, done = Lane("test", 1), []
        with pytest.raises(ClientDisconnect):
            await lane.run(of("a", left=True), done.append, 1)
        task = asyncio.create_task(lane.run(of("a"), time.sleep, 0.2))
        waiting = asyncio.create_task(lane.run(of("a"), done.append, 2))
        await asyncio.sleep(0.05)
        for each in (task, waiting):  # as at the end of the grace after SIGTERM
            each.cancel()
        await lane.run(of("b"), done.append, 3)
        assert done == [3]

    asyncio.run(leave())


def test_long_work_leaves_a_thread_free():
    async def compete() -> list[str]:
        lane, order = Lane("test", 2), []

        def work(name: str, seconds: float) -> None:
            time.sleep(seconds)
            order.append(name)

        long = [lane.run(of(f"{at}"), work, "long", 0.3, is_long=True) for at in range(3)]
        tasks = [asyncio.create_task(each) for each in long]
        await asyncio.sleep(0.05)
        tasks += [asyncio.create_task(lane.run(of("a"), work, "short", 0.01)) for _ in range(3)]
        await asyncio.gather(*tasks)
        return order

    assert asyncio.run(compete()) == [*["short"] * 3, *["long"] * 3]


def test_a_small_picture_does_not_wait_for_forms_of_large_ones(service):
    large = bomb(6000, 6000)
    files = [("files", (f"{at}.png", large, "image/png")) for at in range(4)]
    small, kind = png(PIXELS[0]), {"content-type": "image/png"}
    another = requests.Session()
    adapter = requests.adapters.HTTPAdapter()
    # The whole of 127.0.0.0/8 is this machine.
    adapter.init_poolmanager(1, 1, source_address=("127.0.0.9", 0))
    another.mount("http://", adapter)
    waits, forms = [], []

    def seconds(ask, *answers, **request):
        started = time.perf_counter()
        assert ask(f"{service.url}/predict", timeout=120, **request).status_code in answers
        return time.perf_counter() - started

    def send_forms():
        while len(waits) < 10:
            forms.append(seconds(requests.post, 200, 503, files=files))

    with ThreadPoolExecutor() as clients:
        greedy = [clients.submit(send_forms) for _ in range(4)]
        while not forms and not any(client.done() for client in greedy):
            time.sleep(0.01)
        while len(waits) < 10:
            waits.append(seconds(another.post, 200, data=small, headers=kind))
        for client in greedy:
            client.result()
    assert np.median(waits) < np.median(forms) / 10


def test_answers_that_nobody_takes_count_as_memory_in_use(exported):
    """A client asks for large answers and reads none: others are refused before memory is full."""
    service = Service(exported, "--timeout", "5")
    body = json.dumps(inference(shape=[1024, 28, 28], data=[0] * 1024 * 784)).encode()
    head = f"POST {INFER} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    before, clients = memory(service), []
    for _ in range(60):
        client = connected(service)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        clients.append(client)
    threads = [threading.Thread(target=each.sendall, args=(head + body,)) for each in clients]
    for thread in threads:
        thread.start()
    most, until = before, time.monotonic() + 8
    while time.monotonic() < until:
        most = max(most, memory(service))
        time.sleep(0.05)
    for client in clients:
        client.close()
    for thread in threads:
        thread.join()
    assert most - before < 600_000_000
    assert post(service, "/predict", png(PIXELS[0])).status_code == 200
    assert service.stop()[0] == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_service_ends_quietly_within_five_seconds_whatever_is_decoded(exported, how):
    service = Service(exported)
    content = bomb(6300, 6300, 4)
    with ThreadPoolExecutor(12) as clients:
        pending = [clients.submit(post, service, "/predict", content) for _ in range(12)]
        time.sleep(1)
        started = time.monotonic()
        service.process.send_signal(how)
        assert service.ended() == (0, "")
        assert time.monotonic() - started < 5.5
        answers = []
        for each in pending:
            with contextlib.suppress(requests.ConnectionError):
                answers.append(each.result())
    cut_off = [found for found in answers if found.status_code != 200]
    assert {found.status_code for found in cut_off} <= {503}
    assert {found.headers["retry-after"] for found in cut_off} <= {"1"}
    assert all(found.json().keys() == {"error"} for found in cut_off)


def test_a_large_picture_in_a_form_needs_no_folder_to_write_to(exported, tmp_path):
    service = Service(exported, TMPDIR=str(tmp_path / "nowhere"), HOME="/nonexistent")
    image = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)
    content = png(image)
    assert len(content) > 2_000_000
    files = [("files", ("noise.png", content, "image/png"))]
    response = requests.post(f"{service.url}/predict", files=files, timeout=60)
    assert response.status_code == 200
    assert service.stop() == (0, "")


def test_files_of_the_models_may_be_replaced_while_they_are_served(exported, tmp_path):
    models = tmp_path / "models"
    shutil.copytree(exported, models)
    service = Service(models)
    before = post(service, "/similar", png(PIXELS[3])).json()
    for path in models.rglob("*.*"):
        path.write_bytes(b"")
    assert post(service, "/similar", png(PIXELS[3])).json() == before
    position = before["similar"][-1]["index"]
    image = requests.get(f"{service.url}/training-images/{position}.png", timeout=60)
    assert image.status_code == 200
    assert post(service, "/predict", png(PIXELS[3])).status_code == 200
    assert service.stop() == (0, "")


@pytest.mark.parametrize("size", [(8064, 6048), (8160, 6120)])
def test_photographs_of_48_and_50_megapixels_and_12_megabytes_are_read(service, size):
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (size[1] // 16, size[0] // 16, 3), dtype=np.uint8)
    content = io.BytesIO()
    picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    picture.save(content, "JPEG", quality=92)
    padded = content.getvalue() + bytes(max(0, 12_000_000 - len(content.getvalue())))
    assert post(service, "/predict", padded, "image/jpeg").status_code == 200
