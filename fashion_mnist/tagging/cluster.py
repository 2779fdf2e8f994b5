"""Shards answered by the nodes of a Ray cluster, by Ray Data."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import ray
import ray.data

from fashion_mnist import ray_cluster
from fashion_mnist.errors import InputError
from fashion_mnist.tagging.answering import Asked
from fashion_mnist.tagging.plan import Shard
from fashion_mnist.tagging.workers import Processes

NUMBER, CONTENT = "number", "content"  # columns of Ray's rows: of a shard, its pictures or answers


class Cluster:
    """The nodes of a cluster; models and pictures must be readable on them, by the same paths.

    Attributes:
        jobs: the number of pictures that are answered at a time.
    """

    def __init__(self, asked: Asked, schema: pa.Schema, address: str) -> None:
        """Connect.

        Args:
            asked: what answers.
            schema: of the rows.
            address: as `ray_cluster.connect` takes it.

        Raises:
            InputError: there is no such cluster, or it lets anybody in.
        """
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        ray.data.DataContext.get_current().enable_progress_bars = False
        ray_cluster.connect(address)
        self._asked, self._schema, self._address = asked, schema, address
        self.jobs = max(1, int(ray.cluster_resources().get("CPU", 1)))

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        ray.shutdown()

    def run(
        self, shards: Iterable[Shard], done: Callable[[int], object]
    ) -> Iterator[tuple[Shard, pa.Table]]:
        """Yield the rows of each shard as soon as they are there.

        What a node that fails has had is done again by others.

        Args:
            shards: all are listed before the first is answered.
            done: is told the number of pictures of each shard that is done.

        Raises:
            InputError: the nodes fail.
        """
        listed = list(shards)
        if not listed:
            return
        rows = [
            {NUMBER: number, CONTENT: _to_bytes(shard.pictures)}
            for number, shard in enumerate(listed)
        ]
        try:
            answered = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
                _Node,
                fn_constructor_args=(self._asked, self._schema, Path.cwd()),
                compute=ray.data.ActorPoolStrategy(min_size=1, max_size=min(self.jobs, len(rows))),
                num_cpus=1,
            )
            for row in answered.iter_rows():
                shard = listed[row[NUMBER]]
                done(len(shard.positions))
                yield shard, _from_bytes(row[CONTENT])
        except ray.exceptions.RayError as error:
            words = str(error).strip().splitlines()[-1]
            raise InputError(f"--cluster {self._address}: {words}; the next run goes on") from None


class _Node:
    """A core of a node; Ray calls it with a shard at a time.

    A process of its own answers, so a picture that kills it costs no more than on one machine.
    """

    def __init__(self, asked: Asked, schema: pa.Schema, folder: Path) -> None:
        os.chdir(folder)  # paths may be relative
        self._processes = Processes(asked, schema, jobs=1)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        pictures = _from_bytes(row[CONTENT])
        shard = Shard(np.arange(len(pictures)), pictures)
        parts = self._processes.run([shard], lambda count: None)
        in_order = sorted(parts, key=lambda part: part[0].positions[0])
        rows = pa.concat_tables([rows for _, rows in in_order])
        return {NUMBER: row[NUMBER], CONTENT: _to_bytes(rows)}


def _to_bytes(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return sink.getvalue().to_pybytes()


def _from_bytes(content: bytes) -> pa.Table:
    with pa.ipc.open_stream(content) as reader:
        return reader.read_all()
