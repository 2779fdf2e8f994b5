"""Measure `near_duplicates`: `python -m benchmarks.near_duplicates`, or with numbers of rows.

- Time, memory and recall of the index, for more and more rows; exact search where they are few.
- What cosines copies of test images have, and other test images.

Numbers of rows that are not asked for keep what was measured earlier. The result goes to
benchmarks/times/near_duplicates; `python -m benchmarks.tagging_document` writes it into
docs/tagging.md. It needs `make .venv/tag`; ten million rows need 16 GB of disk, and hours.
"""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from benchmarks import by_processor, measured
from benchmarks.commands import run
from benchmarks.pictures import encoded
from fashion_mnist import command, progress
from fashion_mnist.dataset import splits
from fashion_mnist.inference.onnx_model import OnnxModel
from fashion_mnist.inference.similarity import unit_length
from fashion_mnist.tagging import table
from fashion_mnist.tagging.rows import Rows
from fashion_mnist.training import processor

CNN = Path("models/cnn.onnx")
ROWS = (100_000, 1_000_000, 10_000_000)
EXACT = 100_000  # rows up to which exact search is measured; its time grows with their square
TWICE = 1_000_000  # rows up to which they are searched once more, with the index at hand
COSINE = 0.99  # of the pairs that are searched for
ROUNDING = 0.0005  # the index has rows in half precision
COPIED = 0.01  # of the rows
MADE_AT_ONCE = 16_384  # rows
ASKED = 1_000  # rows whose nearest are found exactly, for the recall
THRESHOLDS = (0.95, 0.97, 0.98, 0.99)
INPUTS = (
    "fashion_mnist/near_duplicates.py",
    *(f"fashion_mnist/tagging/{name}.py" for name in ("index", "near", "rows", "table")),
)


def main(rows: list[int]) -> None:
    measured.require_commit()
    known = by_processor.read("near_duplicates").get(processor.describe()["kind"], {"near": []})
    found = {of["rows"]: of for of in known["near"]}
    of_copies = cosines()
    with tempfile.TemporaryDirectory() as scratch:
        for count in rows:
            found[count] = near_duplicates(Path(scratch), count)
            # What is measured is kept, if the next one is interrupted.
            result = {"cosines": of_copies, "near": [found[of] for of in sorted(found)]}
            by_processor.write("near_duplicates", result, *INPUTS)


def cosines() -> dict[str, Any]:
    """Return how many copies of test images, and how many other images, a threshold finds."""
    model = OnnxModel(CNN)
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
    done = run("near_duplicates", *options, "--index", str(kept))
    rows = Rows(file)
    expected = _nearest(rows)
    has = _has(pairs, rows, np.concatenate([expected, copies]))
    result = {
        "rows": count,
        "units": rows.units,
        "seconds": done.seconds,
        "megabytes": max(done.megabytes),
        "pairs": pq.read_metadata(pairs).num_rows,
        "asked_pairs": len(expected),
        "recall": float(has[: len(expected)].mean()),
        "copies": len(copies),
        "recall_of_copies": float(has[len(expected) :].mean()),
    }
    if count <= TWICE:
        again = run("near_duplicates", *options, "--index", str(kept))
        result["seconds_with_the_index"] = again.seconds
    if count <= EXACT:
        exactly = run("near_duplicates", *options, "--exact")
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
    model = OnnxModel(CNN)
    base, labels = model(splits.to_pixels(train.images)).features, train.labels
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(train.labels.max() + 2))
    rng = np.random.default_rng(0)
    columns, copies = table.schema(base.shape[1]), []
    with pq.ParquetWriter(file, columns) as writer:
        for start in range(0, count, MADE_AT_ONCE):
            size = min(MADE_AT_ONCE, count - start)
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
            is_near = _dot(features[originals], features[made]) >= COSINE + ROUNDING
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
    is_pair = (best >= COSINE + ROUNDING) & (positions != asked[:, None])
    first = np.broadcast_to(asked[:, None], positions.shape)[is_pair]
    return np.stack([first, positions[is_pair]], axis=1)


def _has(pairs: Path, rows: Rows, expected: np.ndarray) -> np.ndarray:
    """Return whether a file of pairs has each of some pairs of positions, bool (m,)."""
    wanted = np.sort(expected, axis=1) @ np.array([len(rows), 1])
    has = np.zeros(len(wanted), bool)
    with pq.ParquetFile(pairs) as opened:
        for batch in opened.iter_batches():
            sides = [
                np.array([int(path[:9]) for path in batch[name].to_pylist()])
                for name in ("first", "second")
            ]
            has |= np.isin(wanted, sides[0] * len(rows) + sides[1])
    return has


if __name__ == "__main__":
    parser = command.parser(__doc__)
    parser.add_argument("rows", type=int, nargs="*", default=ROWS, help="default: all")
    command.run(main, parser)
