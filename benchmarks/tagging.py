"""Measure `tag`: `python -m benchmarks.tagging`, in ten minutes.

- 100,000 pictures made from the test images, tagged from end to end with a process a core:
  pictures/s, the memory of all processes over time, and the share of what the same processes reach
  when they only read and decode, and only answer.
- The same command killed twice: is its table complete, and that of the other run?
- Pictures in a bucket of a server on loopback (moto), against fetching them alone.

The result goes to benchmarks/times/tagging; `python -m benchmarks.tagging_document` writes it into
docs/tagging.md. It needs `make .venv/tag` and `make .venv/s3`.
"""

import contextlib
import functools
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import requests
from PIL import Image

from benchmarks import by_processor, measured
from benchmarks.commands import command_line, run
from benchmarks.pictures import encoded, on
from fashion_mnist import command, concurrency, progress
from fashion_mnist.dataset import splits
from fashion_mnist.errors import InputError
from fashion_mnist.inference.answers import Models
from fashion_mnist.tagging import sources

MODELS = Path("models")
PICTURES = 100_000
COPIES = 10  # of each test image; the last one is a photograph-like picture
IN_BUCKET = 2_000
ALONE = 10_000  # pictures that are only decoded, or only answered
INPUTS = (
    "fashion_mnist/tag.py",
    *(
        f"fashion_mnist/tagging/{name}.py"
        for name in (
            *("answering", "merge", "parts", "plan", "sources", "table"),
            "workers",
        )
    ),
)


def main() -> None:
    measured.require_commit()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        result = {
            "tag": tagged(folder),
            "bucket": in_bucket(folder),
        }
    by_processor.write("tagging", result, *INPUTS)


def make_pictures(folder: Path, count: int) -> None:
    """Write pictures made from the test images, COPIES of each: all files differ.

    All but the last copy are PNG files of 28x28 pixels, shifted by up to two pixels and of 0.8 to
    1.2 of the brightness. The last one is a JPEG file of 448x532 pixels: the garment, enlarged, on
    a ground of some colour with noise, which the model of photographs answers about.
    """
    images = splits.to_pixels(splits.load(Path("data/test")).images)
    rng = np.random.default_rng(0)
    for at in range(count):
        image, copy = divmod(at, COPIES)
        pixels = np.roll(images[image], rng.integers(-2, 3, 2), axis=(0, 1))
        pixels = (pixels * rng.uniform(0.8, 1.2)).clip(0, 255).astype(np.uint8)
        path = folder / f"{at // 1000:03}" / f"{at:06}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if copy < COPIES - 1:
            path.with_suffix(".png").write_bytes(encoded(Image.fromarray(pixels)))
        else:
            colour = tuple(rng.integers(90, 256, 3).tolist())
            picture = on(pixels, rng, (colour[0], colour[1], colour[2]), noise=4)
            path.with_suffix(".jpg").write_bytes(encoded(picture, "JPEG", quality=85))


def tagged(folder: Path) -> dict[str, Any]:
    """Tag pictures on this machine: rate, memory, limits, and a run that is killed twice."""
    pictures, jobs = folder / "pictures", concurrency.cores()
    progress.say(f"tagging: making {PICTURES:,} pictures")
    make_pictures(pictures, PICTURES)
    progress.say("tagging: the whole run")
    done = run("tag", str(pictures), "--output", str(folder / "whole.parquet"))
    third = len(done.megabytes) // 3
    rate = float(re.findall(r"at ([\d,]+) pictures/s", done.printed)[0].replace(",", ""))
    progress.say("tagging: the limits")
    sample = sorted(path for path in pictures.rglob("*") if path.is_file())
    chosen = np.random.default_rng(0).choice(len(sample), min(ALONE, len(sample)), replace=False)
    sample = [sample[at] for at in chosen]
    decoded, answered = _alone(sample, jobs)
    progress.say("tagging: killed twice")
    return {
        "pictures": PICTURES,
        "jobs": jobs,
        "seconds": done.seconds,
        "pictures_per_second": rate,
        "decode_alone": decoded,
        "answer_alone": answered,
        "megabytes_first_third": float(np.mean(done.megabytes[:third])),
        "megabytes_last_third": float(np.mean(done.megabytes[-third:])),
        "megabytes_peak": max(done.megabytes),
        "killed": _killed(pictures, folder),
    }


def _killed(pictures: Path, folder: Path) -> dict[str, Any]:
    """Kill the command after about a third and two thirds of its parts; compare its table."""
    output = folder / "killed.parquet"
    parts = folder / f".partial-{output.name}.parts"
    kept = []
    for third in (1, 2):
        process = subprocess.Popen(command_line("tag", str(pictures), "--output", str(output)))
        while len(list(parts.glob("[0-9]*.parquet"))) < third * PICTURES / 3000:
            if process.poll() is not None:
                raise RuntimeError("the run ended before it was killed")
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept.append(sum(pq.read_metadata(part).num_rows for part in parts.glob("[0-9]*.parquet")))
    done = run("tag", str(pictures), "--output", str(output))
    found, whole = (
        pq.read_table(file, columns=["path", "class", "model", "error"])
        for file in (output, folder / "whole.parquet")
    )
    return {
        "kept": kept,
        "done_by_the_last_run": int(
            re.findall(r"([\d,]+) done now", done.printed)[0].replace(",", "")
        ),
        "rows": found.num_rows,
        "different_paths": len(found["path"].unique()),
        "rows_like_those_of_the_whole_run": int(
            np.all(
                [
                    found[name].fill_null("").to_numpy() == whole[name].fill_null("").to_numpy()
                    for name in found.column_names
                ],
                axis=0,
            ).sum()
        ),
    }


def _alone(sample: list[Path], jobs: int) -> tuple[float, float]:
    """Return pictures/s of reading and decoding alone, and of answering alone, on all cores."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        list(pool.map(_decode_and_answer, [sample[:100]] * jobs))
        began = time.monotonic()
        spent = list(pool.map(_decode_and_answer, [sample[job::jobs] for job in range(jobs)]))
        wall = time.monotonic() - began
    decoding, answering = np.sum(spent, axis=0)
    share = decoding / (decoding + answering)
    return len(sample) / (wall * share), len(sample) / (wall * (1 - share))


@functools.cache
def _models() -> Models:
    return Models.load(MODELS, head=None, threads=1)


def _decode_and_answer(paths: list[Path]) -> tuple[float, float]:
    """Return the seconds that a process takes to read and decode pictures, and to answer."""
    decoding, answering, models = 0.0, 0.0, _models()
    for at in range(0, len(paths), 64):
        began = time.monotonic()
        prepared = []
        for path in paths[at : at + 64]:
            with contextlib.suppress(InputError):  # the darkest are nothing but background
                content = io.BytesIO(sources.read(str(path), None))
                prepared.append(models.prepare(content, path.name))
        between = time.monotonic()
        models.answer(prepared, top=1)
        decoding += between - began
        answering += time.monotonic() - between
    return decoding, answering


def in_bucket(folder: Path) -> dict[str, Any]:
    """Tag pictures in a bucket, and fetch them alone as `tag` does."""
    paths = sorted(path for path in (folder / "pictures").rglob("*") if path.is_file())[:IN_BUCKET]
    with _server() as url:
        os.environ |= {
            "AWS_ENDPOINT_URL": url,
            **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "made"),
        }
        with requests.Session() as session:
            session.put(f"{url}/pictures").raise_for_status()
            for path in paths:
                session.put(f"{url}/pictures/{path.name}", path.read_bytes()).raise_for_status()
        listed = sources.pictures("s3://pictures")["path"].to_pylist()
        began = time.monotonic()
        with ThreadPoolExecutor(16 * concurrency.cores()) as readers:
            list(readers.map(lambda path: len(sources.read(path, None)), listed))
        alone = len(listed) / (time.monotonic() - began)
        done = run("tag", "s3://pictures", "--output", str(folder / "bucket.parquet"))
    rate = float(re.findall(r"at ([\d,]+) pictures/s", done.printed)[0].replace(",", ""))
    return {"pictures": len(listed), "pictures_per_second": rate, "network_alone": alone}


@contextmanager
def _server() -> Iterator[str]:
    """Yield the address of a server like that of Amazon S3, on loopback."""
    server_command = [
        str(Path(sys.executable).with_name("moto_server")),
        "-H",
        "127.0.0.1",
        "-p",
        "0",
    ]
    with subprocess.Popen(server_command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        url = next(line for line in server.stderr if "Running on" in line).split()[-1]
        lines = server.stderr
        threading.Thread(target=lambda: [None for _ in lines], daemon=True).start()
        try:
            yield url
        finally:
            server.kill()


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
