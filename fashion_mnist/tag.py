"""Tag many pictures: `python -m fashion_mnist.tag photos --output tags.parquet`.

SOURCE is a folder, a text file with a path a line (.txt), a pattern such as "photos/*/*.jpg", or a
prefix in a bucket: s3://bucket/photos, gs://bucket/photos. The table has a row for each picture:
its class, probability, whether that is sure, which model answered, or the error, sorted by path.

A second run does only what is missing or has changed: it goes on where another one was killed.
With --again it also does what other models have answered, and what had an error. Bad pictures are
rows with an error and stop nothing; the exit status is 1 if no picture at all was answered.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from fashion_mnist import command, concurrency, progress
from fashion_mnist.errors import InputError
from fashion_mnist.inference.answers import IMAGES
from fashion_mnist.tagging import merge, parts, sources, table, workers
from fashion_mnist.tagging.answering import Answering, Asked
from fashion_mnist.tagging.parts import Parts
from fashion_mnist.tagging.plan import Plan, Shard

if TYPE_CHECKING:
    from fashion_mnist.tagging import cluster

MODELS = Path("models")
SHARD = 1000  # pictures of a part, at most; a killed run loses one for each process
SHARDS = 4  # for each process, at least: few pictures are divided, too


def main(
    source: str,
    output: Path,
    model: Path | None,
    head: Path | None,
    with_features: bool,
    again: bool,
    jobs: int,
    cluster: str | None,
) -> int:
    if head and model:
        raise InputError("--head and --model: expected one of them")
    table.check_output(output, with_features)
    asked = Asked(MODELS, head, model, with_features)
    answering = Answering(asked)
    sha256, columns = answering.sha256, answering.schema
    del answering  # each process loads its own
    with parts.locked(output) as found:
        progress.say(f"tag: listing {source}")
        listing = sources.pictures(source)
        plan = Plan(listing, _earlier(output, found, columns, again), sha256, again)
        _check_dropped(output, source, plan)
        todo = len(plan.todo)
        _say_what_is_there(output, plan, todo)
        start = time.monotonic()
        for shard, rows in _answered(plan, asked, columns, jobs, cluster):
            plan.note(shard, found.add(rows))
        seconds = time.monotonic() - start
        if todo or len(plan.dropped) or found.files:
            counts = merge.merge(plan, output, columns)
        else:
            counts = merge.count(output)
        found.are_merged = True
    lasted = f" in {seconds:,.1f} s" if todo else ""
    print(
        f"{output}: {counts.pictures:,} pictures, {counts.sure:,} sure, {counts.unsure:,} not "
        f"sure, {counts.unknown:,} unknown, {counts.errors:,} with an error; "
        f"{todo:,} done now{lasted}"
    )
    return 1 if counts.errors == counts.pictures else 0


def _earlier(output: Path, found: Parts, columns: pa.Schema, again: bool) -> list[Path]:
    """Return the files of earlier rows.

    Raises:
        InputError: a file is no table of answers, or has features where none are wanted, or others.
    """
    files = [*([output] if output.exists() else []), *found.files]
    fitting = [file for file in files if table.read_schema(file).equals(columns)]
    if len(fitting) < len(files) and not again:
        (other,) = [file for file in files if file not in fitting][:1]
        units = table.units(table.read_schema(other))
        has = f"{units} features a picture" if units else "no features"
        raise InputError(
            f"{other}: has {has}, unlike what is asked for now; --again replaces all rows, or "
            "choose another --output"
        )
    return fitting


def _check_dropped(output: Path, source: str, plan: Plan) -> None:
    """Check that the pictures whose rows would be left out are gone, not only left out of SOURCE.

    Raises:
        InputError: one is still there.
    """
    still = next(
        (path for path in plan.dropped.to_pylist() if sources.is_there(path, source)), None
    )
    if still is not None:
        raise InputError(
            f"{output}: has rows of pictures that are there but not in {source}, such as {still}; "
            "choose another --output, or a source with all of them"
        )


def _say_what_is_there(output: Path, plan: Plan, todo: int) -> None:
    progress.say(f"tag: {todo:,} of {plan.listing.num_rows:,} pictures to do")
    if len(plan.dropped):
        rows = f"{len(plan.dropped):,} rows of pictures that are not there any more"
        print(f"{output}: {rows} are left out", file=sys.stderr)
    if plan.outdated:
        rows = f"{plan.outdated:,} rows are answers of other models"
        print(f"{output}: {rows}; --again replaces them", file=sys.stderr)


def _answered(
    plan: Plan, asked: Asked, columns: pa.Schema, jobs: int, address: str | None
) -> Iterator[tuple[Shard, pa.Table]]:
    """Yield the rows of what is to do, shard by shard, with a progress bar."""
    todo = len(plan.todo)
    with (
        _workers(asked, columns, jobs, address) as working,
        progress.bar(desc="tag", total=todo, unit=" pictures") as bar,
    ):
        size = min(SHARD, 1 + todo // (SHARDS * working.jobs))
        yield from working.run(plan.shards(size), bar.update)


def _workers(
    asked: Asked, columns: pa.Schema, jobs: int, address: str | None
) -> "workers.Processes | cluster.Cluster":
    if address is None:
        return workers.Processes(asked, columns, jobs)
    from fashion_mnist.tagging import cluster  # Ray takes seconds, and few have it

    return cluster.Cluster(asked, columns, address)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("source", help="a folder, a list, a pattern, s3://... or gs://...")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="TABLE", help="a .parquet or .csv file"
    )
    parser.add_argument(
        "--model",
        type=Path,
        metavar="ONNX",
        help="the only model to ask; default: the one in models/ that suits the picture",
    )
    parser.add_argument(
        "--head", type=Path, metavar="FOLDER", help="what `python -m fashion_mnist.teach` wrote"
    )
    parser.add_argument(
        "--features",
        action="store_true",
        dest="with_features",
        help=f"add what the model sees, for near_duplicates; of one model: --model {IMAGES}",
    )
    parser.add_argument(
        "--again", action="store_true", help="do again what other models did, and the errors"
    )
    parser.add_argument(
        "--jobs",
        type=command.count,
        default=concurrency.cores(),
        metavar="N",
        help="processes; default: one a core",
    )
    parser.add_argument(
        "--cluster", metavar="ADDRESS", help="of a Ray cluster, which answers in place of this host"
    )
    return parser


if __name__ == "__main__":
    command.run(main, parser())
