"""docs/service/client.py and each curl of docs/service.md against the real service."""

import http.server
import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import requests
from conftest import ROOT, SPEC, Service, free_port
from PIL import Image
from test_proxy import TOKEN, Busy, Proxy, needs_nginx
from test_service import PIXELS, png
from test_service_operation import digest

from fashion_mnist.inference.head import Head
from fashion_mnist.inference.onnx_model import OnnxModel

CLIENT = ROOT / "docs" / "service" / "client.py"
BLOCK = re.search(r"```sh\n(curl .*?)```", (ROOT / "docs/service.md").read_text(), re.S)[1]


def run(url: str, *arguments, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, CLIENT, *map(str, arguments)],
        env={**os.environ, "SERVICE_URL": url, **environment},
        text=True,
        capture_output=True,
    )


@pytest.fixture
def pictures(tmp_path) -> Path:
    """A folder of six images of the dataset, a file that is no picture, and a photograph below."""
    folder = tmp_path / "pictures"
    (folder / "taken" / "today").mkdir(parents=True)
    for at, pixels in enumerate(PIXELS[:6]):
        (folder / f"{at}.png").write_bytes(png(pixels))
    noise = np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8)
    Image.fromarray(noise).save(folder / "taken" / "today" / "photograph.jpg")
    (folder / ".DS_Store").touch()
    (folder / "words.txt").write_text("no picture")
    return folder


@pytest.mark.slow
def test_where_no_service_is_a_line_names_the_address():
    url = f"http://127.0.0.1:{free_port()}"
    done = run(url, "model")
    said = f"error: no answer from {url}; SERVICE_URL says where the service is\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_a_folder_of_classes_that_is_not_there_is_one_line():
    done = run("http://127.0.0.1:1", "teach", "nowhere", "head.npz")
    said = "error: nowhere: not a folder; expected one with a folder for each class\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_a_folder_gets_a_line_for_each_picture_and_one_for_what_is_none(
    service, exported, pictures
):
    done = run(service.url, "predict", pictures, pictures / "0.png", pictures / "nothing.png")
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    names = [*(f"{at}.png" for at in range(6)), "photograph.jpg", "0.png"]
    assert [Path(path).name for path, *_ in lines] == names
    expected = OnnxModel(exported / "cnn.onnx")(PIXELS[:6]).probabilities
    for (_, name, probability, _), row in zip(lines, expected, strict=False):
        assert name == SPEC.classes[row.argmax()]
        assert float(probability) == pytest.approx(row.max(), abs=6e-4)
    assert done.returncode == 1
    words, nothing, last = done.stderr.splitlines()
    assert words.startswith(f"{pictures / 'words.txt'}: 422: ")
    assert "No such file" in nothing
    assert last == "error: 8 of 10 pictures have an answer"


def test_similar_explain_and_model(service, exported, pictures, tmp_path):
    similar = run(service.url, "similar", pictures / "0.png")
    address = similar.stdout.splitlines()[0].split("\t")[2]
    assert requests.get(service.url + address, timeout=60).status_code == 200
    explained = run(service.url, "explain", pictures / "0.png", tmp_path / "marks.png")
    assert (explained.returncode, explained.stderr) == (0, "")
    assert Image.open(tmp_path / "marks.png").size == (28, 28)
    described = json.loads(run(service.url, "model").stdout)
    assert described["sha256"] == digest(exported / "cnn.onnx")
    assert json.loads(run(service.url, "model", "mlp").stdout)["name"] == "mlp"
    unknown = run(service.url, "model", "../none")
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("error: 404: ")
    assert unknown.stderr.count("\n") == 1


def test_raw_images_get_the_model_s_probabilities(service, exported, tmp_path):
    (tmp_path / "images.raw").write_bytes(PIXELS.tobytes())
    for model in ("cnn", "mlp"):
        done = run(service.url, "infer", model, tmp_path / "images.raw")
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        expected = OnnxModel(exported / f"{model}.onnx")(PIXELS).probabilities
        assert np.array(rows) == pytest.approx(expected, abs=1e-5)
    (tmp_path / "images.raw").write_bytes(PIXELS.tobytes()[1:])
    refused = run(service.url, "infer", "cnn", tmp_path / "images.raw")
    assert refused.stderr.startswith("error: 47039 bytes; expected images of [28, 28]")


def test_a_folder_of_classes_becomes_a_head(service, tmp_path):
    for name, pixels in (("boots", PIXELS[:3]), ("hats", PIXELS[3:6])):
        (tmp_path / "classes" / name).mkdir(parents=True)
        for at, image in enumerate(pixels):
            (tmp_path / "classes" / name / f"{at}.png").write_bytes(png(image))
    (tmp_path / "mine").mkdir()
    done = run(service.url, "teach", tmp_path / "classes", tmp_path / "mine" / "head.npz")
    assert json.loads(done.stdout)["pictures"] == 6
    assert Head.load(tmp_path / "mine").info.classes == ["boots", "hats"]


def test_it_waits_for_a_service_that_is_starting(exported, pictures):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    later: list[Service] = []

    def start() -> None:
        time.sleep(1)
        later.append(Service(exported, "--port", str(port)))

    thread = threading.Thread(target=start)
    thread.start()
    done = run(url, "predict", pictures / "0.png")
    thread.join()
    later[0].stop()
    assert (done.returncode, done.stderr) == (0, "")


def test_it_asks_as_late_as_it_is_told_and_not_for_ever(pictures):
    asked: list[str] = []
    handler = type("Handler", (Busy,), {"asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as busy:
        threading.Thread(target=busy.serve_forever).start()
        started = time.monotonic()
        done = run(f"http://127.0.0.1:{busy.server_port}", "similar", pictures / "0.png")
        busy.shutdown()
    assert asked == 5 * ["POST"]
    assert time.monotonic() - started >= 4, "four times a second"
    assert (done.returncode, done.stderr) == (1, "error: 503: Service Unavailable\n")


@needs_nginx
def test_it_gets_through_a_proxy_with_its_token(service, pictures, tmp_path):
    proxy = Proxy(tmp_path, service.url)
    url, trusted = f"{proxy.url}/garments/", {"REQUESTS_CA_BUNDLE": str(proxy.certificate)}
    token = TOKEN["authorization"].removeprefix("Bearer ")
    answered = run(url, "predict", pictures / "0.png", SERVICE_TOKEN=token, **trusted)
    refused = run(url, "predict", pictures / "0.png", SERVICE_TOKEN="0" + token, **trusted)
    proxy.stop()
    assert (answered.returncode, answered.stderr) == (0, "")
    assert f"{pictures / '0.png'}: 401: Unauthorized\n" in refused.stderr


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
def test_each_curl_of_the_document_is_answered_and_each_route_has_one(service, tmp_path):
    photograph = io.BytesIO()
    Image.fromarray(255 - PIXELS[0]).resize((200, 200)).save(photograph, "JPEG")
    for at, name in enumerate(("shirt.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg", "bag.png")):
        content = png(PIXELS[at]) if name == "bag.png" else photograph.getvalue()
        if name in ("3.jpg", "4.jpg"):  # another class may not have the same picture
            content = png(PIXELS[at])
        (tmp_path / name).write_bytes(content)
    (tmp_path / "image.raw").write_bytes(PIXELS[0].tobytes())
    asked = (
        'curl() { command curl -sS -w "%{stderr}%{http_code} %{url_effective}\\n" "$@"; }\n'
        f"set -e -o pipefail\n{BLOCK}"
    ).replace("localhost:8000", service.url)
    done = subprocess.run(["bash", "-c", asked], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr
    answered = [line.split(" ") for line in done.stderr.decode().splitlines()]
    assert len(answered) == BLOCK.count("curl ")
    assert {status for status, _ in answered} == {"200"}
    paths = requests.get(f"{service.url}/openapi.json", timeout=60).json()["paths"]
    patterns = {path: re.sub(r"{\w+}", r"[^/]+", path) for path in paths}
    urls = [url.removeprefix(service.url).partition("?")[0] for _, url in answered]
    unused = {path for path, of in patterns.items() if not any(re.fullmatch(of, u) for u in urls)}
    assert unused == set()
