"""Measure the service under load, for docs/service_load.md: `python -m benchmarks.service_load`.

It needs wrk (Debian's package) and the models that `make` makes. It takes about three minutes. wrk
and the service share this machine's cores.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import by_processor, measured
from fashion_mnist import command, files
from fashion_mnist.concurrency import cores
from fashion_mnist.dataset import splits
from fashion_mnist.errors import InputError
from fashion_mnist.inference.onnx_model import CALIBRATED_PROBABILITIES, OnnxModel

CLIENTS = (1, 10, 50, 200)
SECONDS = 5
MANY_REQUESTS = 100_000
IMAGES = 256  # in a request with a batch
INPUTS = (
    *measured.TRAINING,
    "requirements-service.txt",
    "fashion_mnist/dataset/picture.py",
    "fashion_mnist/dataset/picture_file.py",
    "fashion_mnist/inference/onnx_model.py",
    "fashion_mnist/inference/similarity.py",
    *(path.as_posix() for path in sorted(Path("service").glob("*.py"))),
)
TEXT = """# The service under load

Made by `python -m benchmarks.service_load`: wrk on loopback, {seconds} seconds per row, on the same
cores as the service. Latencies are in milliseconds, as wrk measures them. The last rows are ONNX
Runtime alone, as many calls at once as "clients" says. {machines}
"""
OF_A_KIND = """
## {kind}

| request | clients | p50 | p95 | p99 | requests/s | errors |
|---|---|---|---|---|---|---|
{rows}

The service is ready {start:.1f} s after the command. Memory: {memory}.
"""


def png(pixels: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def photograph(pixels: np.ndarray) -> bytes:
    """Return a picture like a shop's: 1200x1600, the garment on white, JPEG."""
    content = io.BytesIO()
    canvas = Image.new("L", (1200, 1600), 255)
    canvas.paste(Image.fromarray(255 - pixels).resize((1120, 1120)), (40, 200))
    canvas.convert("RGB").save(content, "JPEG", quality=90)
    return content.getvalue()


def inference(pixels: np.ndarray, binary: bool) -> tuple[bytes, str]:
    """Return the body of an inference request, and the length of its JSON."""
    tensor: dict[str, Any] = {"name": "images", "datatype": "UINT8", "shape": pixels.shape}
    tensor |= (
        {"parameters": {"binary_data_size": pixels.size}} if binary else {"data": pixels.tolist()}
    )
    output = {"name": "calibrated_probabilities", "parameters": {"binary_data": binary}}
    head = json.dumps({"inputs": [tensor], "outputs": [output]}).encode()
    return head + (pixels.tobytes() if binary else b""), str(len(head))


class Load:
    """Posts to a service, by wrk."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url

    def __call__(
        self,
        path: str,
        clients: int,
        body: bytes,
        kind: str = "image/png",
        head_length: str = "",
        seconds: int = SECONDS,
    ) -> dict[str, float]:
        """Post `body` again and again; return what post.lua prints."""
        file = self.folder / "body"
        file.write_bytes(body)
        environment = {**os.environ, "BODY": str(file), "TYPE": kind}
        if head_length:
            environment["HEAD_LENGTH"] = head_length
        wrk = ["wrk", "--threads", "1", "--connections", str(clients), "--timeout", "30"]
        wrk += ["--duration", str(seconds), "--script", "benchmarks/post.lua", self.url + path]
        done = subprocess.run(wrk, env=environment, capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])


def row(name: str, clients: int, result: dict[str, float], images: int = 1) -> str:
    rate = result["requests"] / result["seconds"]
    throughput = f"{rate:,.0f}" if images == 1 else f"{rate:,.0f} ({rate * images:,.0f} images/s)"
    times = " | ".join(f"{result[name]:.1f}" for name in ("p50", "p95", "p99"))
    return f"| {name} | {clients} | {times} | {throughput} | {result['errors']} |"


def resident(process: subprocess.Popen) -> float:
    """Return the memory of a process in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024 / 1e6


def request_rows(load: Load) -> list[str]:
    pixels = splits.to_pixels(splits.load(Path("data/test")).images[:IMAGES])
    small, large = png(pixels[0]), photograph(pixels[0])
    load("/predict", 10, small, seconds=2)  # warms up
    lines = [row("`/predict`, 28x28 PNG", c, load("/predict", c, small)) for c in CLIENTS]
    lines += [
        row(
            f"`/predict`, {len(large) // 1000} KB JPEG, 1200x1600",
            c,
            load("/predict", c, large, "image/jpeg"),
        )
        for c in (1, 10)
    ]
    lines += [row("`/similar`, 28x28 PNG", c, load("/similar", c, small)) for c in (1, 10)]
    for name, model, count, binary in (
        ("`cnn/infer`, 1 image, JSON", "cnn", 1, False),
        (f"`cnn/infer`, {IMAGES} images, JSON", "cnn", IMAGES, False),
        (f"`cnn/infer`, {IMAGES} images, binary", "cnn", IMAGES, True),
        (f"`cnn_int8/infer`, {IMAGES} images, binary", "cnn_int8", IMAGES, True),
    ):
        body, head_length = inference(pixels[:count], binary)
        for clients in (1, 4):
            result = load(
                f"/v2/models/{model}/infer",
                clients,
                body,
                "application/octet-stream" if binary else "application/json",
                head_length if binary else "",
            )
            lines.append(row(name, clients, result, count))
    return lines


def alone(model: Path, threads: int) -> str:
    """Return a row of ONNX Runtime itself: what the service would reach if it cost nothing."""
    pixels = splits.to_pixels(splits.load(Path("data/test")).images[:IMAGES])
    session = OnnxModel(model, threads=1)
    until = time.monotonic() + SECONDS

    def work(_: int) -> list[float]:
        took = []
        while (started := time.monotonic()) < until:
            session.outputs([CALIBRATED_PROBABILITIES], pixels)
            took.append(1000 * (time.monotonic() - started))
        return took

    with ThreadPoolExecutor(threads) as pool:
        took = np.concatenate(list(pool.map(work, range(threads))))
    p50, p95, p99 = np.percentile(took, (50, 95, 99))
    result = {"p50": p50, "p95": p95, "p99": p99, "requests": len(took), "seconds": SECONDS}
    name = f"ONNX Runtime alone, `{model.stem}`, {IMAGES} images"
    return row(name, threads, result | {"errors": 0}, IMAGES)


def memory(load: Load, server: subprocess.Popen) -> str:
    small = png(splits.to_pixels(splits.load(Path("data/test")).images[:1])[0])
    before, sent = resident(server), 0.0
    half: float | None = None
    while sent < MANY_REQUESTS:
        sent += load("/predict", 50, small)["requests"]
        if half is None and sent >= MANY_REQUESTS / 2:
            half = resident(server)
    return (
        f"{before:.0f} MB before, {half:.0f} MB half-way and\n{resident(server):.0f} MB after "
        f"another {sent:,.0f} requests to `/predict` by 50 clients"
    )


def main() -> None:
    if shutil.which("wrk") is None:
        raise InputError("wrk: not found; install Debian's package of that name")
    started = time.monotonic()
    serve = [sys.executable, "-m", "service", "--port", "0"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server,
    ):
        try:
            assert server.stdout is not None
            url, *_ = server.stdout.readline().split() or [""]
            if not url:
                raise InputError("the service did not start; its line above says why")
            start = time.monotonic() - started
            load = Load(Path(folder), url)
            rows, grown = request_rows(load), memory(load, server)
            rows += [
                alone(Path(f"models/{name}.onnx"), threads)
                for name in ("cnn", "cnn_int8")
                for threads in (1, cores())
            ]
        finally:
            server.terminate()
    by_processor.write(
        "service_load", {"rows": rows, "start_seconds": start, "memory": grown}, *INPUTS
    )
    text = document(by_processor.read("service_load"))
    files.write_bytes(Path("docs/service_load.md"), text.encode())


def document(by_kind: dict[str, dict]) -> str:
    """Return docs/service_load.md from the measurements by kind of processor."""
    text = TEXT.format(seconds=SECONDS, machines=by_processor.machines(by_kind))
    for kind, found in by_kind.items():
        text += OF_A_KIND.format(
            kind=kind,
            rows="\n".join(found["rows"]),
            start=found["start_seconds"],
            memory=found["memory"],
        )
    return text


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
