"""The HTTP API of a real server process."""

import asyncio
import base64
import http.client
import io
import json
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
import requests
import uvicorn
from conftest import ROOT, SPEC, Service, made_images
from PIL import Image
from starlette.exceptions import HTTPException

from fashion_mnist.dataset import picture, splits
from fashion_mnist.inference.head import Head
from fashion_mnist.inference.onnx_model import OnnxModel
from fashion_mnist.inference.similarity import Index
from service import limits, page
from service.slow_clients import ImpatientProtocol

PIXELS = made_images(60, seed=7)[0]
PIXELS[PIXELS < 100] = 0  # a black background, as in the dataset
INFER = "/v2/models/cnn/infer"
HEAD = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {}\r\n\r\n"


def png(pixels: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def bomb(width: int, height: int, channels: int = 1) -> bytes:
    """Return a PNG of a few kilobytes that unpacks to width x height black pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 4: 6}[channels], 0, 0, 0)
    rows = zlib.compress(bytes((channels * width + 1) * height))
    parts = chunk(b"IHDR", header), chunk(b"IDAT", rows), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def post(service: Service, path: str, body: bytes, kind: str = "image/png") -> requests.Response:
    return requests.post(service.url + path, body, headers={"content-type": kind}, timeout=60)


def inference(**changes) -> dict:
    tensor = {"name": "images", "datatype": "UINT8", "shape": [2, 28, 28]}
    return {"inputs": [{**tensor, "data": PIXELS[:2].ravel().tolist(), **changes}]}


@pytest.fixture(scope="module")
def expected(exported):
    """Calibrated probabilities and features of PIXELS."""
    return OnnxModel(exported / "cnn.onnx")(PIXELS)


def test_a_picture_gets_the_most_probable_classes_in_order(service, exported, expected):
    answer = post(service, "/predict?top=3", png(PIXELS[0])).json()["predictions"][0]
    classes = OnnxModel(exported / "cnn.onnx").spec.classes
    order = np.argsort(-expected.probabilities[0])[:3]
    assert [row["class"] for row in answer["top"]] == [classes[position] for position in order]
    assert [row["probability"] for row in answer["top"]] == pytest.approx(
        expected.probabilities[0][order], abs=1e-5
    )
    assert answer["class"] == classes[order[0]]
    assert answer["sure"] == (expected.probabilities[0].max() >= 0.5)


def test_simultaneous_requests_each_get_their_own_answer(service, expected):
    with ThreadPoolExecutor(30) as clients:
        answers = list(
            clients.map(lambda image: post(service, "/predict", png(image)).json(), PIXELS)
        )
    got = [answer["predictions"][0]["probability"] for answer in answers]
    assert got == pytest.approx(expected.probabilities.max(axis=1), abs=1e-5)


def test_several_pictures_in_a_form_are_answered_in_order(service, expected):
    files = [("files", (f"{n}.png", png(PIXELS[n]), "image/png")) for n in range(5)]
    answer = requests.post(service.url + "/predict", files=files, timeout=60).json()
    assert [row["file"] for row in answer["predictions"]] == [f"{n}.png" for n in range(5)]
    got = [row["probability"] for row in answer["predictions"]]
    assert got == pytest.approx(expected.probabilities[:5].max(axis=1), abs=1e-5)


def test_similar_items_are_those_of_the_index_and_have_images(service, exported, expected):
    index = Index.load(exported / "similar", exported / "cnn.onnx")
    found = post(service, "/similar?count=4", png(PIXELS[3])).json()["similar"]
    positions, cosines = index.nearest(expected.features[3], 4)
    assert [item["index"] for item in found] == positions.tolist()
    assert [item["similarity"] for item in found] == pytest.approx(cosines, abs=1e-4)
    image = Image.open(
        io.BytesIO(requests.get(service.url + found[0]["image"], timeout=60).content)
    )
    assert (np.asarray(image) == index.images[positions[0]]).all()
    beyond = requests.get(f"{service.url}/training-images/{len(index.images)}.png", timeout=60)
    assert beyond.status_code == 404


def test_an_explanation_ends_with_the_input_of_the_model(service):
    large = Image.fromarray(255 - PIXELS[1]).resize((280, 280))
    content = io.BytesIO()
    large.save(content, "PNG")
    answer = post(service, "/explain", content.getvalue()).json()

    def decoded(url: str) -> np.ndarray:
        assert url.startswith("data:image/png;base64,")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))

    read = decoded(answer["steps"][-1]["image"])
    assert (read == picture.pixels(content, "large", SPEC)).all()
    assert decoded(answer["saliency"]).shape == (28, 28, 4)
    assert decoded(answer["saliency"])[..., 3].max() == 255


@pytest.mark.parametrize("form", ["flat", "nested", "binary"])
@pytest.mark.parametrize("model", ["cnn", "cnn_int8", "mlp"])
def test_the_inference_protocol_gives_the_model_s_answers(service, exported, model, form):
    request = inference() | {"id": "7", "outputs": [{"name": "probabilities"}]}
    head, tail = request["inputs"][0], b""
    if form == "nested":
        head["data"] = PIXELS[:2].tolist()
    if form == "binary":
        tail = PIXELS[:2].tobytes()
        del head["data"]
        head["parameters"] = {"binary_data_size": len(tail)}
        request["outputs"][0]["parameters"] = {"binary_data": True}
    text = json.dumps(request).encode()
    response = requests.post(
        f"{service.url}/v2/models/{model}/infer",
        text + tail,
        headers={"inference-header-content-length": str(len(text))} if tail else {},
        timeout=60,
    )
    body = response.content
    length = int(response.headers.get("inference-header-content-length", len(body)))
    answer = json.loads(body[:length])
    (output,) = answer["outputs"]
    if form == "binary":
        assert output["parameters"] == {"binary_data_size": len(body) - length}
        values = np.frombuffer(body[length:], "<f4")
    else:
        values = np.array(output["data"])
    assert (answer["model_name"], answer["id"]) == (model, "7")
    assert (output["name"], output["datatype"]) == ("probabilities", "FP32")
    wanted = OnnxModel(exported / f"{model}.onnx").outputs(("probabilities",), PIXELS[:2])[0]
    np.testing.assert_allclose(values.reshape(output["shape"]), wanted, atol=1e-6)


def test_an_output_may_opt_out_of_binary_data(service):
    outputs = [
        {"name": "probabilities", "parameters": {"binary_data": False}},
        {"name": "features"},
    ]
    request = inference() | {"outputs": outputs, "parameters": {"binary_data_output": True}}
    response = post(service, INFER, json.dumps(request).encode(), "application/json")
    head = response.content[: int(response.headers["inference-header-content-length"])]
    probabilities, features = json.loads(head)["outputs"]
    assert len(probabilities["data"]) == 20
    assert features["parameters"]["binary_data_size"] == len(response.content) - len(head)


def test_the_inference_protocol_describes_server_and_models(service):
    def get(path: str) -> dict:
        response = requests.get(service.url + path, timeout=60)
        assert response.status_code == 200
        return response.json()

    assert get("/v2/health/live") == {"live": True}
    assert get("/v2/health/ready") == {"ready": True}
    assert get("/v2/models/mlp/ready") == {"name": "mlp", "ready": True}
    assert get("/v2")["name"] == SPEC.title
    assert get("/v2")["extensions"] == ["binary_tensor_data"]
    described = get("/v2/models/cnn")
    assert described["inputs"] == [{"name": "images", "datatype": "UINT8", "shape": [-1, 28, 28]}]
    assert {output["name"]: output["shape"] for output in described["outputs"]}[
        "calibrated_probabilities"
    ] == [-1, 10]
    everything = post(service, INFER, json.dumps(inference()).encode()).json()
    assert [o["name"] for o in everything["outputs"]] == [o["name"] for o in described["outputs"]]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"datatype": "FP32", "data": [float("nan")] * 1568}, "not JSON"),
        ({"datatype": "FP32", "data": [0.5] * 1568}, "inputs.0.datatype"),
        ({"data": [0.5] * 1568}, "integers from 0 to 255"),
        ({"data": [256] * 1568}, "integers from 0 to 255"),
        ({"data": [-1] * 1568}, "integers from 0 to 255"),
        ({"data": [True] * 1568}, "integers from 0 to 255"),
        ({"data": [None] * 1568}, "integers from 0 to 255"),
        ({"data": ["1", *[0] * 1567]}, "integers from 0 to 255"),
        ({"data": [1e400] * 1568}, "not JSON"),
        ({"data": [0] * 1567}, "1567 values"),
        ({"data": [[0] * 784, [0] * 783]}, "nested"),
        ({"data": [[[0] * 28] * 28, 0]}, "nested"),
        ({"data": None}, "0 values"),
        ({"shape": [2, 28, 29]}, "shape [2, 28, 29]; expected 1 to 1024 images of [28, 28]"),
        ({"shape": [0, 28, 28], "data": []}, "shape [0, 28, 28]"),
        ({"shape": [1025, 28, 28]}, "shape [1025, 28, 28]"),
        ({"shape": [2, 28, 28, 1]}, "shape [2, 28, 28, 1]"),
        ({"shape": [2, 784]}, "inputs.0.shape"),
        ({"shape": [2.5, 28, 28]}, "inputs.0.shape"),
        ({"name": "pictures"}, "inputs.0.name"),
        ({"parameters": {"binary_data_size": 1568}}, "binary_data_size"),
    ],
)
def test_wrong_tensors_are_refused_with_the_reason(service, change, reason):
    response = post(service, INFER, json.dumps(inference(**change)).encode(), "application/json")
    assert response.status_code in (400, 422)
    assert reason in response.json()["error"]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"[" * 100_000, {}),
        (b"\xff\xfe", {}),
        (b"null", {}),
        (json.dumps(inference() | {"outputs": [{"name": "x"}]}).encode(), {}),
        (json.dumps(inference()).encode(), {"inference-header-content-length": "-1"}),
        (json.dumps(inference()).encode(), {"inference-header-content-length": "99999999"}),
        (json.dumps(inference()).encode(), {"inference-header-content-length": "9" * 5000}),
        (json.dumps(inference()).encode() + b"tail", {}),
        (json.dumps(inference() | {"outputs": [{"name": "features"}] * 4}).encode(), {}),
    ],
    ids=[
        *("deep", "not UTF-8", "null", "unknown output", "negative", "beyond the end"),
        *("far beyond", "a tail", "the same again and again"),
    ],
)
def test_wrong_inference_requests_are_refused(service, body, headers):
    response = requests.post(service.url + INFER, body, headers=headers, timeout=60)
    assert response.status_code in (400, 413, 422)
    assert response.json().keys() == {"error"}


@pytest.mark.parametrize("path", ["/predict", "/similar", "/explain"])
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"no picture", "image/png", 422),
        (b"", "image/png", 422),
        (png(PIXELS[0])[:60], "image/png", 422),
        (bomb(8000, 6000), "image/png", 422),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", 422),
        (png(PIXELS[0]), "application/x-www-form-urlencoded", 415),
        (b"x", "multipart/form-data", 400),
        (b"--b\r\n\r\n", "multipart/form-data; boundary=b", 400),
        (b"--b--\r\n", "multipart/form-data; boundary=b", 422),
        (b"--b--\r\n", "multipart/form-data; boundary=b; charset=undefined", 415),
        (bytes(20_000_001), "image/png", 413),
    ],
    ids=[
        "text",
        "empty",
        "cut",
        "bomb",
        "svg",
        "no type",
        "no boundary",
        "no part",
        "no file",
        "charset",
        "20 MB",
    ],
)
def test_a_body_that_is_not_a_picture_is_refused_with_the_reason(service, path, body, kind, status):
    response = post(service, path, body, kind)
    assert response.status_code == status
    assert response.json().keys() == {"error"}
    assert "\n" not in response.json()["error"]


def test_a_body_of_unknown_length_is_cut_off(service):
    def endless():
        for _ in range(30):
            yield bytes(1_000_000)

    try:
        response = requests.post(
            service.url + "/predict", endless(), headers={"content-type": "image/png"}, timeout=60
        )
        assert response.status_code == 413
    except requests.ConnectionError:
        pass  # closed while this client was still sending


def posted(picture: bytes, *headers: str, chunked: bool = False) -> bytes:
    """Return a whole request to /predict, as raw bytes."""
    length = "transfer-encoding: chunked" if chunked else f"content-length: {len(picture)}"
    head = ["POST /predict HTTP/1.1", "host: here", "content-type: image/png", length, *headers]
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(picture), picture) if chunked else picture
    return "\r\n".join([*head, "", ""]).encode() + body


def connected(service) -> socket.socket:
    host, _, port = service.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def answer(client: socket.socket) -> tuple[int, bytes]:
    response = http.client.HTTPResponse(client)
    response.begin()
    return response.status, response.read()


H2C = ["connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMAAABk"]


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize("pieces", [1, 2, 7])
@pytest.mark.parametrize("headers", [H2C, ["connection: upgrade", "upgrade: websocket"]], ids=len)
def test_a_request_to_upgrade_is_answered_like_any_other(service, chunked, pieces, headers):
    """RFC 9110, 7.8; the first head is that of `curl --http2`. The connection stays open."""
    plain, upgrading = (posted(png(PIXELS[0]), *h, chunked=chunked) for h in ([], headers))
    answers = []
    with connected(service) as client:
        for request in (plain, upgrading, plain):
            for piece in np.array_split(np.frombuffer(request, np.uint8), pieces):
                client.sendall(piece.tobytes())
                time.sleep(0.02)
            answers.append(answer(client))
    assert answers[0][0] == 200
    assert answers[1] == answers[2] == answers[0]


def test_a_request_to_upgrade_and_close_is_answered_and_closed(service):
    request = posted(png(PIXELS[0]), "connection: close, upgrade", "upgrade: h2c")
    with connected(service) as client:
        client.sendall(request + b"more")
        assert answer(client)[0] == 200
        assert client.recv(1) == b""


def test_many_requests_to_upgrade_at_once_are_all_answered(service):
    request = b"GET /v2/health/live HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    with connected(service) as client:
        client.sendall(100 * request)
        received = b""
        while received.count(b"HTTP/1.1 200") < 100:
            part = client.recv(1 << 16)
            assert part, received[-300:]
            received += part


@pytest.mark.parametrize(
    "request_line",
    ["CONNECT a.b:443 HTTP/1.1", "CONNECT /predict HTTP/1.1", "GET http://a:99999999/ HTTP/1.1"],
)
@pytest.mark.parametrize("headers", [[], ["connection: upgrade", "upgrade: a"]], ids=len)
def test_a_request_that_cannot_be_parsed_gets_status_400(service, request_line, headers):
    with connected(service) as client:
        client.sendall("\r\n".join([request_line, *headers, "", ""]).encode())
        assert answer(client)[0] == 400
        assert client.recv(1) == b""


def test_all_bodies_together_are_limited_until_they_are_answered(monkeypatch):
    monkeypatch.setattr(limits, "MAX_HELD", 100)

    async def overlap():
        answered = asyncio.Event()

        async def application(scope, receive, send):
            await receive()
            await answered.wait()

        limited = limits.Limits(application)

        async def request():
            async def receive():
                return {"type": "http.request", "body": bytes(60)}

            await limited({"type": "http", "method": "POST", "headers": []}, receive, None)

        first = asyncio.create_task(request())
        await asyncio.sleep(0)
        with pytest.raises(HTTPException) as refused:
            await request()
        assert refused.value.status_code == 503
        assert limited.held == 60
        answered.set()
        await first
        assert limited.held == 0

    asyncio.run(overlap())


def test_several_pictures_instead_of_one_and_too_many_are_refused(service):
    files = [("files", ("a.png", png(PIXELS[0])))] * 2
    assert requests.post(service.url + "/similar", files=files, timeout=60).status_code == 422
    files = [("files", ("a.png", b"x"))] * 101
    assert requests.post(service.url + "/predict", files=files, timeout=60).status_code == 400


def memory(service: Service) -> int:
    """Return the resident bytes of the process."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return 1024 * int(re.search(r"VmRSS:\s+(\d+)", status)[1])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize(("channels", "count", "megabytes"), [(1, 40, 300), (4, 6, 700)])
def test_many_large_pictures_at_once_need_bounded_memory(service, channels, count, megabytes):
    content = bomb(6000, 6000, channels)
    before = memory(service)
    with ThreadPoolExecutor(count) as clients:
        answers = [clients.submit(post, service, "/predict", content) for _ in range(count)]
        most = before
        while not all(answer.done() for answer in answers):
            most = max(most, memory(service))
            time.sleep(0.01)
    assert {answer.result().status_code for answer in answers} <= {200, 422, 503}
    assert most - before < megabytes * 1_000_000


def test_a_slow_client_is_cut_off_and_others_are_not(exported):
    service = Service(exported, "--timeout", "1")
    host, port = service.url.removeprefix("http://").split(":")
    for sent in (b"", HEAD[:30].encode(), HEAD.format(9).encode() + b"1"):
        with socket.create_connection((host, int(port)), timeout=10) as slow:
            slow.sendall(sent)
            assert post(service, "/predict", png(PIXELS[0])).status_code == 200
            answer = b"".join(iter(lambda: slow.recv(1000), b""))  # until it is closed
            assert answer.startswith(b"HTTP/1.1 408")
            assert answer.endswith(b'{"error":"the request took too long to arrive"}')
    assert service.stop() == (0, "")


def test_an_idle_connection_is_closed_whatever_was_sent_between_requests(service):
    host, port = service.url.removeprefix("http://").split(":")
    refused = HEAD.replace("image/png", "text/plain").format(9).encode()
    for request, rest in ((HEAD.format(0).encode(), b"\r\n"), (refused, b"123456789")):
        with socket.create_connection((host, int(port)), timeout=15) as idle:
            idle.sendall(request)
            answer = idle.recv(1000)
            idle.sendall(rest)
            # Until it is closed, after uvicorn's five seconds.
            answer += b"".join(iter(lambda: idle.recv(1000), b""))
            assert answer.startswith(b"HTTP/1.1 4")
            assert answer.endswith(b"}")


def test_a_client_that_does_not_take_its_answer_is_cut_off(monkeypatch):
    monkeypatch.setattr(ImpatientProtocol, "patience", 1.0)

    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(50_000_000)})

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application, http=ImpatientProtocol, lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    with socket.create_connection(listener.getsockname(), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(8) == b"HTTP/1.1"
        assert server.server_state.connections
        deadline = time.monotonic() + 10
        while server.server_state.connections and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not server.server_state.connections
    server.should_exit = True
    thread.join()


def test_a_request_under_way_is_answered_before_the_service_ends(exported):
    service = Service(exported)
    host, port = service.url.removeprefix("http://").split(":")
    body = png(PIXELS[0])
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(HEAD.format(len(body)).encode() + body[:20])
        requests.get(service.url + "/v2/health/ready", timeout=60)
        service.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        client.sendall(body[20:])
        answer = b"".join(iter(lambda: client.recv(1000), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert service.ended() == (0, "")


@pytest.mark.parametrize("served", [False, True])
def test_repeated_signals_to_stop_end_the_service_quietly(exported, served):
    service = Service(exported)
    if served:
        post(service, "/predict", png(PIXELS[0]))
    while service.process.poll() is None:
        service.process.terminate()
        time.sleep(0.001)
    assert service.ended() == (0, "")


def test_clients_that_disconnect_do_no_harm(service):
    host, port = service.url.removeprefix("http://").split(":")
    for sent in (HEAD.format(99).encode() + b"ab", b"\x16\x03"):
        with socket.create_connection((host, int(port)), timeout=10) as client:
            client.sendall(sent)
    assert post(service, "/predict", png(PIXELS[0])).status_code == 200


def test_metrics_for_prometheus_count_requests_by_route(service):
    def count() -> float:
        text = requests.get(service.url + "/metrics", timeout=60).text
        line = r'service_requests_total\{method="POST",route="/predict",status="200"\} (\S+)'
        return float(found[1]) if (found := re.search(line, text)) else 0

    before = count()
    post(service, "/predict", png(PIXELS[0]))
    assert count() == before + 1


def test_the_pages_name_no_other_host(service):
    for path in ("/", "/docs"):
        text = requests.get(service.url + path, timeout=60).text
        loaded = re.findall(r"""<(?:script|link|img)[^>]*(?:src|href)=["']([^"']+)""", text)
        assert loaded
        assert not [url for url in loaded if "//" in url]
    headers = requests.get(service.url + "/", timeout=60).headers
    assert headers["content-security-policy"].startswith("default-src 'self'")


def test_the_page_and_the_document_speak_of_the_dataset(service):
    html = requests.get(service.url, timeout=60).text
    assert f"<title>What is this {SPEC.item}? · {SPEC.title}</title>" in html
    assert [name for name in SPEC.classes if name not in html] == []
    document = requests.get(service.url + "/openapi.json", timeout=60).json()
    assert document["info"]["title"] == SPEC.title
    body = document["paths"]["/v2/models/{name}/infer"]["post"]["requestBody"]
    tensor = body["content"]["application/json"]["schema"]["properties"]["inputs"]["items"]
    assert tensor["properties"]["shape"]["prefixItems"][1:] == [{"const": 28}, {"const": 28}]


def test_the_page_sends_what_the_service_takes():
    script = (page.FOLDER / "ask.js").read_text()
    assert f"LARGEST_BODY = {limits.MAX_BODY:_};" in script


def test_words_of_a_dataset_are_no_html():
    spec = SPEC.model_copy(update={"title": "A & B", "item": "<b>", "classes": ["<i>", "$side"]})
    html = page.render(spec, [0, 1])
    assert "<title>What is this &lt;b&gt;? · A &amp; B</title>" in html
    assert "<span>&lt;i&gt;</span>" in html
    assert "<span>$side</span>" in html
    assert html.count("samples/") == 2


def test_a_sample_is_an_image_that_validates_as_on_paper(service, exported):
    validation = splits.load(exported.parent / "data" / "validation")
    for position in splits.one_of_each_class(validation.labels):
        image, label = validation.images[position], validation.labels[position]
        content = requests.get(f"{service.url}/samples/{label}.png", timeout=60).content
        enlarged = np.asarray(Image.open(io.BytesIO(content)))
        assert (enlarged[::10, ::10] == 255 - splits.to_pixels(image[None])[0]).all()
    gone = requests.get(f"{service.url}/samples/10.png", timeout=60)
    assert (gone.status_code, gone.json()) == (404, {"error": "no such sample"})


@pytest.mark.parametrize(("top", "status"), [(0, 422), (1, 200), (256, 200), (257, 422)])
def test_all_classes_may_be_asked_for_and_no_more_than_there_may_be(service, top, status):
    response = post(service, f"/predict?top={top}", png(PIXELS[0]))
    assert response.status_code == status
    if status == 200:
        assert len(response.json()["predictions"][0]["top"]) == min(top, len(SPEC.classes))


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/predict?top=abc", b"", "query.top: 'abc' found, expected a valid integer"),
        ("/predict?top=0", b"", "query.top: '0' found, expected greater than or equal to 1"),
        ("/v2/models/cnn/infer", b"[]", "the body: expected an object with keys"),
        (
            "/v2/models/cnn/infer",
            b'{"inputs":[{"name":"images","datatype":"FP32","shape":[1],"data":[1]}]}',
            "inputs.0.datatype: 'FP32' found, expected 'UINT8'",
        ),
    ],
)
def test_a_refusal_says_what_was_found(service, path, body, said):
    response = post(service, path, body)
    assert response.status_code == 422
    assert response.json()["error"].startswith(said)


def test_a_model_of_another_dataset_is_one_line_of_error(exported, tmp_path):
    shutil.copytree(exported, tmp_path / "models")
    other = onnx.load(exported / "mlp.onnx")
    for property in other.metadata_props:
        property.value = property.value.replace(SPEC.title, "Spots")
    onnx.save(other, tmp_path / "models" / "mlp.onnx")
    (tmp_path / "models" / "mlp.json").unlink()  # whose hash is that of the model before
    done = start("--models", str(tmp_path / "models"))
    assert done.returncode == 1
    expected = f"mlp.onnx: a model of Spots, but cnn.onnx is one of {SPEC.title}; make them again"
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("missing", ["cnn.onnx", "similar/features.npy"])
def test_a_missing_model_is_one_line_of_error(exported, tmp_path, missing):
    for path in exported.rglob("*.*"):
        if path.relative_to(exported).as_posix() != missing:
            target = tmp_path / path.relative_to(exported)
            target.parent.mkdir(exist_ok=True)
            target.symlink_to(path)
    done = start("--models", str(tmp_path))
    assert done.returncode == 1
    assert re.fullmatch(
        rf"error: .*{missing}: not found; .*`(make|dvc repro \w+)`.*\n", done.stderr
    )


def test_a_port_in_use_is_one_line_of_error(service, exported):
    port = service.url.rpartition(":")[2]
    done = start("--port", port, "--models", str(exported))
    assert done.returncode == 1
    expected = r"error: 127.0.0.1:\d+: .*; choose others with --host and --port, or .*\n"
    assert re.fullmatch(expected, done.stderr)


def start(*options: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "service", *options], cwd=ROOT, text=True, capture_output=True
    )


def taught(service: Service, pictures: list[tuple[str, bytes]]) -> requests.Response:
    """Post a form with a field of this name for each picture."""
    files = [(name, (f"{at}.png", content)) for at, (name, content) in enumerate(pictures)]
    return requests.post(f"{service.url}/teach", files=files, timeout=60)


def box(shade: int, left: int) -> bytes:
    image = Image.new("RGB", (60, 60), (shade, 0, 255 - shade))
    image.paste((255, 255, 255), (left, 10, left + 20, 40))
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def test_classes_of_one_s_own_are_taught_and_the_head_answers(service, tmp_path):
    pictures = [(name, box(shade, left)) for name, shade in (("red", 250), ("blue", 5))
                for left in (3, 8, 14, 22, 30)]  # fmt: skip
    response = taught(service, pictures)
    answer = response.json()
    assert (response.status_code, answer["pictures"], answer["refused"]) == (200, 10, [])
    assert answer["right"] >= 8
    assert [row["class"] for row in answer["classes"]] == ["red", "blue"]
    assert sum(row["right"] for row in answer["classes"]) == answer["right"]
    assert len(answer["mistakes"]) == 10 - answer["right"]
    (tmp_path / "head.npz").write_bytes(base64.b64decode(answer["head"]))
    assert Head.load(tmp_path).info.classes == ["red", "blue"]


@pytest.mark.parametrize(
    ("pictures", "reason"),
    [
        ([("red", box(250, 3)), ("red", box(250, 8))], "red: 2; expected two classes of 2"),
        ([("red", box(250, 3)), ("blue", box(5, 8))], "red: 1, blue: 1; expected two classes of 2"),
        ([("red", b"nothing"), ("blue", b"")], "0.png: not a picture"),
        (
            [(name, box(250, left)) for name in ("red", "blue") for left in (3, 8)],
            "3.png: the same picture is in another class; left out; no pictures; expected two",
        ),
        ([("r" * 61, box(250, 3)), ("blue", box(5, 8))], "rr': expected 1 to 60 characters"),
    ],
)
def test_too_little_to_teach_is_refused_with_what_was_found(service, pictures, reason):
    response = taught(service, pictures)
    assert response.status_code == 422
    assert reason in response.json()["error"]
