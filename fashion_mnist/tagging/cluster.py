"""Shards answered by the nodes of a Ray cluster, by Ray Data."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import ray
import ray.data

from fashion_mnist import ray_cluster
from fashion_mnist.errors import InputError
from fashion_mnist.tagging.answering import Answering, Asked
from fashion_mnist.tagging.plan import Shard

NUMBER, CONTENT = "number", "content"  # columns of Ray's rows: of a shard, its pictures or answers


def run(
    shards: Iterable[Shard], asked: Asked, address: str, done: Callable[[int], object]
) -> Iterator[tuple[Shard, pa.Table]]:
    """Yield the rows of each shard as soon as they are there.

    Models and pictures must be readable on the nodes, by the same paths. Ray does again what a node
    that fails has had, but a picture that kills its process ends the run.

    Args:
        shards: all are listed before the first is answered.
        asked: what answers.
        address: of the cluster, as `ray_cluster.connect` takes it.
        done: is told the number of pictures of each shard that is done.

    Raises:
        InputError: there is no such cluster, it lets anybody in, or its nodes fail.
    """
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    ray_cluster.connect(address)
    try:
        listed = list(shards)
        asked_for = [
            {NUMBER: number, CONTENT: _to_bytes(shard.pictures)}
            for number, shard in enumerate(listed)
        ]
        cores = int(ray.cluster_resources().get("CPU", 1))
        answered = ray.data.from_items(asked_for, override_num_blocks=len(listed)).map(
            _Answers,
            fn_constructor_args=(asked, Path.cwd()),
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=min(cores, len(listed))),
            num_cpus=1,
        )
        for row in answered.iter_rows():
            shard = listed[row[NUMBER]]
            done(len(shard.positions))
            yield shard, _from_bytes(row[CONTENT])
    except ray.exceptions.RayError as error:
        words = str(error).strip().splitlines()[-1]
        raise InputError(f"--cluster {address}: {words}; the next run goes on") from None
    finally:
        ray.shutdown()


class _Answers:
    """The models on a node, loaded once; Ray calls it with a shard at a time."""

    def __init__(self, asked: Asked, folder: Path) -> None:
        os.chdir(folder)  # paths may be relative
        self._answering = Answering(asked)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        rows = self._answering.rows(_from_bytes(row[CONTENT]), lambda count: None)
        return {NUMBER: row[NUMBER], CONTENT: _to_bytes(rows)}


def _to_bytes(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return sink.getvalue().to_pybytes()


def _from_bytes(content: bytes) -> pa.Table:
    with pa.ipc.open_stream(content) as reader:
        return reader.read_all()
