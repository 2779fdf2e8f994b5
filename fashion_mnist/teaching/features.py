"""Features of picture files, computed once for each content."""

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from fashion_mnist import progress
from fashion_mnist.dataset import photograph
from fashion_mnist.errors import InputError
from fashion_mnist.inference.photograph_model import BATCH_SIZE, PhotographModel

THUMBNAIL = 8  # pixels on a side, in colour: enough to tell copies from pictures alike
TABLE = """CREATE TABLE IF NOT EXISTS features (
    backbone TEXT, sha256 TEXT, features BLOB, thumbnail BLOB, PRIMARY KEY (backbone, sha256)
)"""


class Read(NamedTuple):
    """Pictures that could be read: their positions among the files, features and contents.

    positions: int64 (m,); features: float32 (m, units); thumbnails: uint8 (m, values); sha256: of
    each content; complaints: a line for each picture that could not be read.
    """

    positions: np.ndarray
    features: np.ndarray
    thumbnails: np.ndarray
    sha256: list[str]
    complaints: list[str]


def read(paths: Sequence[Path], model: PhotographModel, cache: Path) -> Read:
    """Compute the features of picture files.

    They are kept in an SQLite file, by the content of the picture: what is there is not computed
    again, and a run after a kill goes on where the other one stopped.

    Args:
        paths: of the files.
        model: whose features.
        cache: the SQLite file; it is made where it is missing.

    Raises:
        InputError: the cache is damaged or can't be written.
    """
    rows: dict[int, _Row] = {}
    sha256: dict[int, str] = {}
    complaints: list[str] = []
    cache.parent.mkdir(parents=True, exist_ok=True)
    bar = progress.bar(desc="features", total=len(paths), unit=" pictures")
    try:
        with closing(sqlite3.connect(cache)) as database, bar:
            database.execute(TABLE)
            for start in range(0, len(paths), BATCH_SIZE):
                batch = dict(enumerate(paths[start : start + BATCH_SIZE], start))
                digests = _digests(batch, complaints)
                known = _known(database, model.backbone, list(digests.values()))
                new = _pixels(batch, digests, known, model.side, complaints)
                if new:
                    features = model.features(np.stack(list(new.values()))).astype(np.float16)
                    found = zip(new.items(), features, strict=True)
                    known |= {key: _Row(of, _thumbnail(pixels)) for (key, pixels), of in found}
                    with database:
                        database.executemany(
                            "INSERT OR REPLACE INTO features VALUES (?, ?, ?, ?)",
                            [
                                (model.backbone, key, *(part.tobytes() for part in known[key]))
                                for key in new
                            ],
                        )
                rows |= {at: known[key] for at, key in digests.items() if key in known}
                sha256 |= {at: key for at, key in digests.items() if key in known}
                bar.update(len(batch))
    except sqlite3.Error as error:
        raise InputError(f"{cache}: {error}; delete this cache to compute it again") from None
    return Read(
        np.array(list(rows)),
        np.array([row.features for row in rows.values()], np.float32),
        np.array([row.thumbnail for row in rows.values()], np.uint8),
        list(sha256.values()),
        complaints,
    )


class _Row(NamedTuple):
    """What is kept of a picture: features float16 (units,), thumbnail uint8 (values,)."""

    features: np.ndarray
    thumbnail: np.ndarray


def _thumbnail(pixels: np.ndarray) -> np.ndarray:
    small = Image.fromarray(pixels).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    return np.asarray(small).ravel()


def _digests(batch: dict[int, Path], complaints: list[str]) -> dict[int, str]:
    """Return the SHA-256 of the files that can be read, by position."""
    digests = {}
    for position, path in batch.items():
        try:
            digests[position] = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            complaints.append(f"{path}: {error.strerror}")
    return digests


def _known(database: sqlite3.Connection, backbone: str, digests: list[str]) -> dict[str, _Row]:
    """Return what the cache has, by SHA-256."""
    marks = ", ".join("?" * len(digests))
    found = database.execute(
        "SELECT sha256, features, thumbnail FROM features "
        f"WHERE backbone = ? AND sha256 IN ({marks})",
        [backbone, *digests],
    )
    return {
        digest: _Row(np.frombuffer(features, np.float16), np.frombuffer(thumbnail, np.uint8))
        for digest, features, thumbnail in found
    }


def _pixels(
    batch: dict[int, Path],
    digests: dict[int, str],
    known: dict[str, _Row],
    side: int,
    complaints: list[str],
) -> dict[str, np.ndarray]:
    """Return the pixels of the contents whose features are not known, by SHA-256."""
    new: dict[str, np.ndarray] = {}
    for position, digest in digests.items():
        if digest not in known and digest not in new:
            try:
                new[digest] = photograph.pixels(batch[position], str(batch[position]), side)
            except InputError as error:
                complaints.append(str(error))
    return new
