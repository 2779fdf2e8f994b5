"""Run the best of a search again: `python -m experiments.rerun NAME 1 2 3 --seeds 31 32 33`.

The best of many trials is partly lucky: with its seed, and on the validation images. So the
settings of these ranks, and those of params.yaml, are run again with other seeds, each as a DVC
experiment named search-NAME-RANK-SEED, and compared on test images, on which nothing was chosen.
The result is experiments/searches/NAME/verdict.md. Experiments that are there are not run again.
"""

import argparse
from pathlib import Path

from benchmarks import measured
from experiments import dvc_experiments, search_verdict
from experiments.search_verdict import DEFAULT
from experiments.study import RESULTS
from fashion_mnist import command, files
from fashion_mnist.errors import InputError


def main(name: str, ranks: list[int], seeds: list[int], jobs: int) -> None:
    folder = RESULTS / name
    settings = {DEFAULT: [], **{str(rank): _row(folder, rank) for rank in ranks}}
    for option, values in (("ranks", ranks), ("--seeds", seeds)):
        if len(set(values)) < len(values):
            raise InputError(f"{option}: {' '.join(map(str, values))} found, expected each once")
    if len(seeds) < 2:
        raise InputError("--seeds: expected at least two")
    measured.require_commit()
    names = {(which, seed): f"search-{name}-{which}-{seed}" for which in settings for seed in seeds}
    commits = dvc_experiments.run(
        {names[which, seed]: [*settings[which], f"train.seed={seed}"] for which, seed in names},
        jobs,
    )
    revisions = {key: commits[experiment] for key, experiment in names.items()}
    text = search_verdict.document(folder, list(map(str, ranks)), seeds, revisions)
    files.write_bytes(folder / "verdict.md", text.encode())
    print(f"{folder / 'verdict.md'}: {len(ranks)} settings, {len(seeds)} seeds")


def _row(folder: Path, rank: int) -> list[str]:
    path = folder / f"best-{rank}.args"
    if not path.is_file():
        raise InputError(f"{path}: not found; `python -m experiments.search` makes it")
    return [line.removeprefix("-S ") for line in path.read_text().splitlines()]


def seed(text: str) -> int:
    """Return a seed, which is at least 0."""
    return 0 if text == "0" else command.count(text)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("name", help="of the search")
    parser.add_argument(
        "ranks", type=command.count, nargs="*", default=[1, 2, 3], help="default: 1 2 3"
    )
    parser.add_argument(
        "--seeds", type=seed, nargs="+", default=[31, 32, 33], help="default: 31 32 33"
    )
    parser.add_argument(
        "--jobs", type=command.count, default=1, metavar="N", help="experiments at a time"
    )
    return parser


if __name__ == "__main__":
    command.run(main, parser())
