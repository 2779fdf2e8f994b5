"""What one process does with a shard of pictures: read, prepare, answer, and make rows."""

import io
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fashion_mnist.errors import InputError
from fashion_mnist.inference.answers import IMAGES, PHOTOGRAPHS, Models, Prepared
from fashion_mnist.inference.head import Head, file_of
from fashion_mnist.inference.model_card import sha256
from fashion_mnist.inference.onnx_model import FEATURES, PROBABILITIES, OnnxModel
from fashion_mnist.inference.photograph_model import (
    SIMILARITY,
    Answer,
    PhotographModel,
    is_photograph_model,
)
from fashion_mnist.tagging import sources, table

BATCH = 64  # pictures that are answered at once: their pixels take 12 MB
READERS = 16  # remote pictures that are fetched at once
AHEAD = 32  # remote pictures that are in memory before their turn
FAILED = "failed"  # in place of a content


class Asked(NamedTuple):
    """What answers: the models of a folder, or a head with one of them, or a single model."""

    models: Path
    head: Path | None
    model: Path | None
    with_features: bool


class Answering:
    """Models that answer on one thread, and the rows that their answers make.

    Attributes:
        sha256: of each model that may answer, by its name in the column `model`: of its file, or
            of the network's file followed by the head's.
        schema: of the rows.
    """

    def __init__(self, asked: Asked) -> None:
        """Load the models.

        Raises:
            InputError: a file is missing or damaged, or features are wanted of two models.
        """
        self._models, self.sha256 = _load(asked)
        if asked.with_features and len(self.sha256) > 1:
            raise InputError(
                f"--features: {' and '.join(self.sha256)} have different ones; choose one model, "
                f"such as --model {asked.models / IMAGES}"
            )
        self._with_features = asked.with_features
        self.schema = table.schema(self._units() if asked.with_features else None)

    def _units(self) -> int:
        if self._models.images:
            return self._models.images.output_units[FEATURES]
        assert isinstance(self._models.photographs, _WithFeatures)
        return self._models.photographs.units

    def rows(self, pictures: pa.Table, done: Callable[[int], object]) -> pa.Table:
        """Return the rows of pictures, in their order; what is wrong with one is in its row.

        Args:
            pictures: as `sources.pictures` lists them.
            done: is told the number of pictures after each batch.
        """
        made = []
        with ThreadPoolExecutor(READERS) as readers:
            contents = _contents(pictures, readers)
            for start in range(0, pictures.num_rows, BATCH):
                batch = pictures.slice(start, BATCH)
                made.append(self._batch(batch, contents))
                done(batch.num_rows)
        return pa.concat_tables(made).combine_chunks()

    def _batch(self, pictures: pa.Table, contents: Iterator[bytes | Exception]) -> pa.Table:
        prepared: dict[int, Prepared] = {}
        rows: list[dict[str, Any]] = [{} for _ in range(pictures.num_rows)]
        for at, path in enumerate(pictures["path"].to_pylist()):
            content = next(contents)
            try:
                if isinstance(content, Exception):
                    raise content
                prepared[at] = self._models.prepare(io.BytesIO(content), path)
            except InputError as error:
                rows[at] = {"error": str(error).removeprefix(f"{path}: ")}
            except (OSError, ValueError) as error:
                rows[at] = {"error": f"not read: {_reason(error)}", FAILED: True}
            except Exception as error:  # a batch of millions goes on, whatever one picture does
                rows[at] = {"error": f"not answered: {type(error).__name__}: {error}"}
        for at, answer in zip(prepared, self._answers(list(prepared.values())), strict=True):
            rows[at] = answer
        return as_rows(pictures, rows, self.schema)

    def _answers(self, pictures: list[Prepared]) -> list[dict[str, Any]]:
        """Return the verdicts on pictures, with the features if they are wanted."""
        if not pictures:
            return []
        if not self._with_features:
            verdicts = self._models.answer(pictures, top=1)
        else:
            verdicts = self._answers_with_features(np.stack([each.pixels for each in pictures]))
        return [{**verdict, "model_sha256": self.sha256[verdict["model"]]} for verdict in verdicts]

    def _answers_with_features(self, pixels: np.ndarray) -> list[dict[str, Any]]:
        (name,) = self.sha256
        images, photographs = self._models.images, self._models.photographs
        if images:
            found = images(pixels)
            verdicts = [images.verdict(row) for row in found.probabilities]
            features = found.features
        else:
            assert isinstance(photographs, _WithFeatures)
            answer, features = photographs.with_features(pixels)
            verdicts = [
                photographs.verdict(row, float(of)) for row, of in zip(*answer, strict=True)
            ]
        return [
            {**verdict, "model": name, FEATURES: row}
            for verdict, row in zip(verdicts, features, strict=True)
        ]


class _WithFeatures(PhotographModel):
    """A model of photographs that gives the features with the answers, for the work of one."""

    @property
    def units(self) -> int:
        (output,) = (each for each in self._session.get_outputs() if each.name == FEATURES)
        return output.shape[1]

    def with_features(self, photographs: np.ndarray) -> tuple[Answer, np.ndarray]:
        """Classify photographs, uint8 (n, side, side, 3); features: float32 (n, units)."""
        if self._head:
            features = self.features(photographs)
            return Answer(*self._head(features)), features
        *answer, features = self._run((PROBABILITIES, SIMILARITY, FEATURES), photographs)
        return Answer(*answer), features


def _load(asked: Asked) -> tuple[Models, dict[str, str]]:
    """Return the models, and their SHA-256 by name.

    A single model has the name of its file, cnn.onnx: it answers about pictures that `cnn`, the
    one of two that suits, leaves to the other.
    """
    network = asked.models / PHOTOGRAPHS
    if asked.head:
        head = Head.load(asked.head)
        name = asked.head.resolve().name
        taught = _WithFeatures(network, head, threads=1)
        return Models(None, (name, taught)), {name: sha256(network, file_of(asked.head))}
    if asked.model:
        name = asked.model.name
        if is_photograph_model(asked.model):
            models = Models(None, (name, _WithFeatures(asked.model, threads=1)))
        else:
            models = Models((name, OnnxModel(asked.model, threads=1)), None)
        return models, {name: sha256(asked.model)}
    models = Models.load(asked.models, head=None, threads=1)
    files = [IMAGES, PHOTOGRAPHS] if models.photographs else [IMAGES]
    return models, {file.stem: sha256(asked.models / file) for file in files}


def _contents(pictures: pa.Table, readers: ThreadPoolExecutor) -> Iterator[bytes | Exception]:
    """Yield the content of each picture, or why there is none; remote ones are fetched ahead."""
    waiting: deque[Future[bytes | Exception]] = deque()
    for path, size in zip(*(pictures[name].to_pylist() for name in ("path", "bytes")), strict=True):
        if sources.is_remote(path):
            waiting.append(readers.submit(_content, path, size))
            if len(waiting) == AHEAD:
                yield waiting.popleft().result()
        else:
            while waiting:
                yield waiting.popleft().result()
            yield _content(path, size)
    while waiting:
        yield waiting.popleft().result()


def _content(path: str, size: int | None) -> bytes | Exception:
    try:
        return sources.read(path, size)
    except (OSError, ValueError, InputError) as error:
        return error


def _reason(error: Exception) -> str:
    return sources.reason(error) if isinstance(error, OSError) else str(error)


def as_rows(pictures: pa.Table, rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return a table of what is known of pictures.

    Args:
        pictures: as `sources.pictures` lists them.
        rows: of each, the columns by name; what is not there is null. A row that has FAILED could
            not be read; it keeps neither bytes nor modified, so the next run reads it again.
        schema: of the table.
    """
    failed = pa.array([FAILED in row for row in rows], pa.bool_())
    columns = {"path": pictures["path"].combine_chunks()}
    for name in ("bytes", "modified"):
        listed = pictures[name].combine_chunks()
        columns[name] = pc.if_else(failed, pa.nulls(len(rows), listed.type), listed)
    for field in schema:
        if field.name == FEATURES:
            columns[FEATURES] = _features(rows, field.type.list_size)
        elif field.name not in columns:
            columns[field.name] = pa.array([row.get(field.name) for row in rows], field.type)
    return pa.table(columns, schema)


def _features(rows: list[dict[str, Any]], units: int) -> pa.Array:
    values = np.zeros((len(rows), units), np.float16)
    missing = np.array([FEATURES not in row for row in rows], bool)
    for at in np.flatnonzero(~missing):
        values[at] = rows[at][FEATURES]
    flat = pa.array(values.ravel(), pa.float16())
    return pa.FixedSizeListArray.from_arrays(flat, units, mask=pa.array(missing))
