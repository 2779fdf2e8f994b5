"""Measure `tag` and `near_duplicates`: `python -m benchmarks.tagging`.

- 100,000 pictures made from the test images, tagged from end to end with a process a core:
  pictures/s, the memory of all processes over time, and the share of what the same processes reach
  when they only read and decode, and only answer.
- The same command killed twice: is its table complete, and that of the other run?
- Pictures in a bucket of a server on loopback (moto), against fetching them alone.
- Near-duplicates: time, memory and recall of exact search and of the index, for more and more rows.
- What cosines copies have, and other pictures.

The result goes to benchmarks/times/tagging and to docs/tagging.md. It needs `make .venv/tag` and
`make .venv/s3`, 12 GB of disk for ten million rows, and some hours. Pictures are first and tables
are last, so that the first minutes show what is wrong.
"""

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
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import requests
from PIL import Image

from benchmarks import by_processor, measured
from benchmarks.pictures import encoded, on
from fashion_mnist import command, files, progress
from fashion_mnist.dataset import splits
from fashion_mnist.inference.answers import Models
from fashion_mnist.inference.onnx_model import OnnxModel
from fashion_mnist.inference.similarity import unit_length
from fashion_mnist.tagging import sources, table, workers
from fashion_mnist.tagging.near import QUERIES
from fashion_mnist.tagging.rows import Rows

MODELS = Path("models")
PICTURES = 100_000
COPIES = 10  # of each test image; the last one is a photograph-like picture
IN_BUCKET = 2_000
ALONE = 10_000  # pictures that are only decoded, or only answered
ROWS = (100_000, 1_000_000, 10_000_000)
EXACT = 100_000  # rows up to which exact search is measured; its time grows with their square
COSINE = 0.99  # of the pairs that are searched for
COPIED = 0.01  # of the rows
ASKED = 1_000  # rows whose nearest are found exactly, for the recall
THRESHOLDS = (0.95, 0.97, 0.98, 0.99)
SAMPLE_SECONDS = 0.5
TEXT, DOCUMENT = Path("benchmarks/tagging.md"), Path("docs/tagging.md")
INPUTS = (
    "fashion_mnist/near_duplicates.py",
    "fashion_mnist/tag.py",
    *(
        f"fashion_mnist/tagging/{name}.py"
        for name in (
            *("answering", "index", "merge", "near", "parts", "plan", "rows", "sources", "table"),
            "workers",
        )
    ),
)


class Done(NamedTuple):
    """A command that has ended: its seconds, what it printed, and megabytes over time."""

    seconds: float
    printed: str
    megabytes: list[float]


def main() -> None:
    measured.require_commit()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        result = {
            "tag": tagged(folder),
            "bucket": in_bucket(folder),
            "cosines": cosines(),
            "near": [near_duplicates(folder, rows) for rows in ROWS],
        }
    by_processor.write("tagging", result, *INPUTS)
    files.write_bytes(DOCUMENT, document(by_processor.read("tagging")).encode())


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
    pictures, jobs = folder / "pictures", workers.cores()
    progress.say(f"tagging: making {PICTURES:,} pictures")
    make_pictures(pictures, PICTURES)
    progress.say("tagging: the whole run")
    done = _run("tag", str(pictures), "--output", str(folder / "whole.parquet"))
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
        process = subprocess.Popen(_command("tag", str(pictures), "--output", str(output)))
        while len(list(parts.glob("[0-9]*.parquet"))) < third * PICTURES / 3000:
            if process.poll() is not None:
                raise RuntimeError("the run ended before it was killed")
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept.append(sum(pq.read_metadata(part).num_rows for part in parts.glob("[0-9]*.parquet")))
    done = _run("tag", str(pictures), "--output", str(output))
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
        start = time.monotonic()
        spent = list(pool.map(_decode_and_answer, [sample[job::jobs] for job in range(jobs)]))
        wall = time.monotonic() - start
    decoding, answering = np.sum(spent, axis=0)
    share = decoding / (decoding + answering)
    return len(sample) / (wall * share), len(sample) / (wall * (1 - share))


@functools.cache
def _models() -> Models:
    return Models.load(MODELS, head=None, threads=1)


def _decode_and_answer(paths: list[Path]) -> tuple[float, float]:
    """Return the seconds that a process takes to read and decode pictures, and to answer."""
    decoding, answering, models = 0.0, 0.0, _models()
    for start in range(0, len(paths), 64):
        began = time.monotonic()
        prepared = [
            models.prepare(io.BytesIO(sources.read(str(path), None)), path.name)
            for path in paths[start : start + 64]
        ]
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
        start = time.monotonic()
        with ThreadPoolExecutor(16 * workers.cores()) as readers:
            list(readers.map(lambda path: len(sources.read(path, None)), listed))
        alone = len(listed) / (time.monotonic() - start)
        done = _run("tag", "s3://pictures", "--output", str(folder / "bucket.parquet"))
    rate = float(re.findall(r"at ([\d,]+) pictures/s", done.printed)[0].replace(",", ""))
    return {"pictures": len(listed), "pictures_per_second": rate, "network_alone": alone}


@contextmanager
def _server() -> Iterator[str]:
    """Yield the address of a server like that of Amazon S3, on loopback."""
    start = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(start, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        url = next(line for line in server.stderr if "Running on" in line).split()[-1]
        lines = server.stderr
        threading.Thread(target=lambda: [None for _ in lines], daemon=True).start()
        try:
            yield url
        finally:
            server.kill()


def cosines() -> dict[str, Any]:
    """Return how many copies of test images, and how many other images, a threshold finds."""
    model = OnnxModel(MODELS / "cnn.onnx")
    images = splits.to_pixels(splits.load(Path("data/test")).images)
    features = unit_length(model(images).features)

    def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
        content = encoded(Image.fromarray(pixels), "JPEG", quality=quality)
        return np.asarray(Image.open(io.BytesIO(content)))

    copies: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "0.9 of the brightness": lambda pixels: (0.9 * pixels).astype(np.uint8),
        "JPEG, quality 90": lambda pixels: jpeg(pixels, 90),
        "JPEG, quality 60": lambda pixels: jpeg(pixels, 60),
        "one pixel lower": lambda pixels: np.roll(pixels, 1, axis=0),
        "mirrored": lambda pixels: pixels[:, ::-1],
    }
    found = {}
    for name, copy in copies.items():
        of_copies = unit_length(model(np.stack([copy(image) for image in images])).features)
        found[name] = [float((_dot(features, of_copies) >= at).mean()) for at in THRESHOLDS]
    others = features @ features.T
    np.fill_diagonal(others, -1)
    nearest = others.max(axis=1)
    found["another test image"] = [float((nearest >= at).mean()) for at in THRESHOLDS]
    return found


def _dot(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the dot products of rows, (n,), of (n, units) each."""
    return np.einsum("nu,nu->n", left, right)


def near_duplicates(folder: Path, count: int) -> dict[str, Any]:
    """Search made rows for near-duplicates by the index, and exactly where they are few."""
    progress.say(f"tagging: near-duplicates of {count:,} rows")
    file, pairs = folder / "rows.parquet", folder / "pairs.parquet"
    copies = write_rows(file, count)
    options = (str(file), "--output", str(pairs), "--cosine", str(COSINE))
    kept = folder / "rows.faiss"
    done = _run("near_duplicates", *options, "--index", str(kept))
    again = _run("near_duplicates", *options, "--index", str(kept))
    rows = Rows(file)
    expected = _nearest(rows)
    has = _has(pairs, rows, np.concatenate([expected, copies]))
    result = {
        "rows": count,
        "units": rows.units,
        "seconds": done.seconds,
        "seconds_with_the_index": again.seconds,
        "megabytes": max(done.megabytes),
        "pairs": pq.read_metadata(pairs).num_rows,
        "asked_pairs": len(expected),
        "recall": float(has[: len(expected)].mean()),
        "copies": len(copies),
        "recall_of_copies": float(has[len(expected) :].mean()),
    }
    if count <= EXACT:
        exactly = _run("near_duplicates", *options, "--exact")
        result |= {
            "exact_seconds": exactly.seconds,
            "exact_megabytes": max(exactly.megabytes),
            "exact_pairs": pq.read_metadata(pairs).num_rows,
        }
    for made in (file, pairs, kept):
        made.unlink()
    return result


def write_rows(file: Path, count: int) -> np.ndarray:
    """Write a table of made rows; return its copies, int64 (m, 2), as pairs of positions.

    A row's features lie between the CNN's features of two training images of one class. One in a
    hundred is a copy of an earlier one, with noise.
    """
    train = splits.load(Path("data/train"))
    model = OnnxModel(MODELS / "cnn.onnx")
    base, labels = model(splits.to_pixels(train.images)).features, train.labels
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(train.labels.max() + 2))
    rng = np.random.default_rng(0)
    columns, copies = table.schema(base.shape[1]), []
    with pq.ParquetWriter(file, columns) as writer:
        for start in range(0, count, QUERIES):
            size = min(QUERIES, count - start)
            one = rng.integers(0, len(base), size)
            of_class = labels[one]
            low, high = bounds[of_class], bounds[of_class + 1]
            other = order[(low + rng.random(size) * (high - low)).astype(int)]
            weight = rng.uniform(0.2, 0.8, (size, 1)).astype(np.float32)
            features = unit_length(weight * base[one] + (1 - weight) * base[other])
            copied = rng.choice(size, 2 * max(1, round(COPIED * size)), replace=False)
            originals, made = np.sort(copied.reshape(2, -1), axis=0)
            noise = rng.normal(0, 0.007, (len(made), base.shape[1]))
            features[made] = unit_length(features[originals] + noise)
            is_near = _dot(features[originals], features[made]) >= COSINE + 0.0005
            copies.append(start + np.stack([originals, made], axis=1)[is_near])
            writer.write_table(_as_table(features, start, columns))
    return np.concatenate(copies)


def _as_table(features: np.ndarray, start: int, columns: pa.Schema) -> pa.Table:
    size = len(features)
    flat = pa.array(features.astype(np.float16).ravel(), pa.float16())
    made = {
        "path": [f"{at:09}.png" for at in range(start, start + size)],
        "bytes": [0] * size,
        "model_sha256": ["made"] * size,
        table.FEATURES: pa.FixedSizeListArray.from_arrays(flat, features.shape[1]),
    }
    return pa.table(
        [
            pa.array(made[field.name], field.type)
            if isinstance(made.get(field.name), list)
            else made.get(field.name, pa.nulls(size, field.type))
            for field in columns
        ],
        columns,
    )


def _nearest(rows: Rows) -> np.ndarray:
    """Return the pairs of ASKED rows with their ten nearest, as far as they are near; exactly."""
    asked = np.sort(np.random.default_rng(1).choice(len(rows), min(ASKED, len(rows)), False))
    queries, start = [], 0
    for features in rows.features():
        of_block = asked[(asked >= start) & (asked < start + len(features))]
        queries.append(features[of_block - start])
        start += len(features)
    wanted = np.concatenate(queries)
    best = np.full((len(asked), 11), -2, np.float32)
    positions, start = np.full((len(asked), 11), -1), 0
    for features in rows.features():
        cosines = np.concatenate([best, wanted @ features.T], axis=1)
        found = np.broadcast_to(np.arange(start, start + len(features)), cosines[:, 11:].shape)
        at = np.argpartition(-cosines, 10, axis=1)[:, :11]
        best = np.take_along_axis(cosines, at, axis=1)
        positions = np.take_along_axis(np.concatenate([positions, found], axis=1), at, axis=1)
        start += len(features)
    # A little more than COSINE: the index has rows in half precision.
    is_pair = (best >= COSINE + 0.0005) & (positions != asked[:, None])
    first = np.broadcast_to(asked[:, None], positions.shape)[is_pair]
    return np.stack([first, positions[is_pair]], axis=1)


def _has(pairs: Path, rows: Rows, expected: np.ndarray) -> np.ndarray:
    """Return whether a file of pairs has each of some pairs of positions, bool (m,)."""
    wanted = np.sort(expected, axis=1) @ np.array([len(rows), 1])
    has = np.zeros(len(wanted), bool)
    with pq.ParquetFile(pairs) as opened:
        for batch in opened.iter_batches(QUERIES):
            sides = [
                np.array([int(path[:9]) for path in batch[name].to_pylist()])
                for name in ("first", "second")
            ]
            has |= np.isin(wanted, sides[0] * len(rows) + sides[1])
    return has


def _command(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"fashion_mnist.{name}", *arguments]


def _run(name: str, *arguments: str) -> Done:
    """Run a command, and measure its time and the memory of all its processes."""
    megabytes, start = [], time.monotonic()
    with tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen(_command(name, *arguments), stdout=printed)
        while process.poll() is None:
            megabytes.append(_megabytes(process.pid))
            time.sleep(SAMPLE_SECONDS)
        seconds = time.monotonic() - start
        printed.seek(0)
        said = printed.read()
    if process.returncode:
        raise RuntimeError(f"{name}: exit status {process.returncode}")
    return Done(seconds, said, megabytes)


def _megabytes(process: int) -> float:
    """Return the memory of a process and of those that it started, shared pages counted once."""
    try:
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:  # it has just ended
        return 0.0
    own = int(re.findall(r"(?m)^Pss: +(\d+)", rollup)[0]) * 1024 / 1e6
    return own + sum(_megabytes(int(child)) for child in children)


def document(by_kind: dict[str, dict[str, Any]]) -> str:
    """Return docs/tagging.md from the measurements by kind of processor."""
    text, _, of_a_kind = TEXT.read_text().partition("<!-- of a kind -->\n")
    return text.format(machines=by_processor.machines(by_kind)) + "".join(
        of_a_kind.format(kind=kind, **_words(found)) for kind, found in by_kind.items()
    )


def _words(found: dict[str, Any]) -> dict[str, str]:
    tag, bucket, killed = found["tag"], found["bucket"], found["tag"]["killed"]
    limit = 1 / (1 / tag["decode_alone"] + 1 / tag["answer_alone"])
    rates = {
        f"{tag['pictures']:,} pictures, from end to end": tag["pictures_per_second"],
        "reading and decoding alone": tag["decode_alone"],
        "answering alone": tag["answer_alone"],
        "both, one after the other": limit,
        f"{bucket['pictures']:,} pictures in a bucket on loopback": bucket["pictures_per_second"],
        "fetching these alone": bucket["network_alone"],
    }
    return {
        "rates": _table(
            ["", "pictures/s"], [[name, f"{rate:,.0f}"] for name, rate in rates.items()]
        ),
        "jobs": f"{tag['jobs']}",
        "share": f"{100 * tag['pictures_per_second'] / limit:.0f}",
        "of_network": f"{100 * bucket['pictures_per_second'] / bucket['network_alone']:.0f}",
        "first": f"{tag['megabytes_first_third']:,.0f}",
        "last": f"{tag['megabytes_last_third']:,.0f}",
        "peak": f"{tag['megabytes_peak']:,.0f}",
        "kept": " and ".join(f"{count:,}" for count in killed["kept"]),
        "rest": f"{killed['done_by_the_last_run']:,}",
        "rows": f"{killed['rows']:,}",
        "paths": f"{killed['different_paths']:,}",
        "alike": f"{killed['rows_like_those_of_the_whole_run']:,}",
        "pictures": f"{tag['pictures']:,}",
        "cosines": _table(
            ["copy", *(f"{at} or more, %" for at in THRESHOLDS)],
            [
                [name, *(f"{100 * share:.1f}" for share in shares)]
                for name, shares in found["cosines"].items()
            ],
        ),
        "near": _table(
            [
                *("rows", "units", "pairs", "index, minutes", "index kept, minutes", "MB"),
                *("recall, %", "of copies, %", "exact, minutes", "MB"),
            ],
            [_near_row(of, found["near"]) for of in found["near"]],
        ),
        "exact_rows": f"{max(of['rows'] for of in found['near'] if 'exact_seconds' in of):,}",
    }


def _near_row(found: dict[str, Any], all_found: list[dict[str, Any]]) -> list[str]:
    """Return a row of the table; exact times that were not measured grow with rows squared."""
    largest = max((of for of in all_found if "exact_seconds" in of), key=lambda of: of["rows"])
    times = (found["rows"] / largest["rows"]) ** 2
    is_measured = "exact_seconds" in found
    exact = found["exact_seconds"] if is_measured else times * largest["exact_seconds"]
    return [
        *(f"{found[name]:,}" for name in ("rows", "units", "pairs")),
        *(f"{found[name] / 60:,.1f}" for name in ("seconds", "seconds_with_the_index")),
        f"{found['megabytes']:,.0f}",
        *(f"{100 * found[name]:.1f}" for name in ("recall", "recall_of_copies")),
        f"{exact / 60:,.1f}" if is_measured else f"({exact / 60:,.0f})",
        f"{found['exact_megabytes']:,.0f}" if is_measured else "",
    ]


def _table(names: list[str], lines: list[list[str]]) -> str:
    rows = [names, ["---"] * len(names), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
