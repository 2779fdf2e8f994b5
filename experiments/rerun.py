"""Run the best of a search again: `python -m experiments.rerun NAME 1 2 3 --seeds 31 32 33`.

The best of many trials is partly lucky: with its seed, and on the validation images. So the
settings of these ranks, and those of params.yaml, are run again with other seeds, each as a DVC
experiment named search-NAME-RANK-SEED, and compared on test images, on which nothing was chosen.
The result is experiments/searches/NAME/verdict.md. Experiments that are there are not run again.
"""

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ruamel.yaml import YAML

from benchmarks import measured
from experiments import search_verdict
from experiments.search_verdict import DEFAULT
from experiments.study import RESULTS
from fashion_mnist import command, files, progress
from fashion_mnist.errors import InputError

yaml = YAML(typ="safe", pure=True)


def main(name: str, ranks: list[int], seeds: list[int], jobs: int) -> None:
    folder = RESULTS / name
    settings = {DEFAULT: [], **{str(rank): _row(folder, rank) for rank in ranks}}
    for option, values in (("ranks", ranks), ("--seeds", seeds)):
        if len(set(values)) < len(values):
            raise InputError(f"{option}: {' '.join(map(str, values))} found, expected each once")
    if len(seeds) < 2:
        raise InputError("--seeds: expected at least two")
    measured.require_commit()
    head = _git("rev-parse", "HEAD")
    wanted = {
        (which, seed): f"search-{name}-{which}-{seed}" for which in settings for seed in seeds
    }
    known = _experiments(head)
    for (which, _), experiment in wanted.items():
        if experiment in known:
            _require_settings(experiment, known[experiment], settings[which])
    with ThreadPoolExecutor(jobs) as threads:
        for done in [
            threads.submit(_run, experiment, [*settings[which], f"train.seed={seed}"])
            for (which, seed), experiment in wanted.items()
            if experiment not in known
        ]:
            done.result()
    known = _experiments(head)
    if lost := [name for name in wanted.values() if name not in known]:
        raise InputError(
            f"{lost[0]}: not an experiment on {head[:7]}, where it was begun; was something "
            "committed meanwhile? Run the same command again"
        )
    revisions = {key: known[experiment] for key, experiment in wanted.items()}
    text = search_verdict.document(folder, list(map(str, ranks)), seeds, revisions)
    files.write_bytes(folder / "verdict.md", text.encode())
    print(f"{folder / 'verdict.md'}: {len(ranks)} settings, {len(seeds)} seeds")


def _row(folder: Path, rank: int) -> list[str]:
    path = folder / f"best-{rank}.args"
    if not path.is_file():
        raise InputError(f"{path}: not found; `python -m experiments.search` makes it")
    return [line.removeprefix("-S ") for line in path.read_text().splitlines()]


def _experiments(head: str) -> dict[str, str]:
    """Return the commits of the DVC experiments on `head`, by name."""
    listed = _git("for-each-ref", "--format=%(refname) %(objectname)", "refs/exps")
    lines = [line.split() for line in listed.splitlines()]
    return {ref.rpartition("/")[2]: commit for ref, commit in lines if head in ref.replace("/", "")}


def _require_settings(experiment: str, commit: str, settings: list[str]) -> None:
    """Check that an experiment of an earlier run has these settings, KEY=VALUE each.

    Raises:
        InputError: it has others, because the search went on or was begun anew.
    """
    params = yaml.load(_git("show", f"{commit}:./params.yaml"))
    for setting in settings:
        key, _, value = setting.partition("=")
        section, _, field = key.partition(".")
        if params[section][field] != yaml.load(value):
            raise InputError(
                f"{experiment}: an experiment with {key} = {params[section][field]}, expected "
                f"{value}; `dvc exp remove {experiment}` lets it run again"
            )


def _run(experiment: str, settings: list[str]) -> None:
    progress.say(f"{experiment}:")
    options = [word for setting in settings for word in ("-S", setting)]
    done = subprocess.run(
        # In folders of their own, one waits for the other's lock.
        [sys.executable, "-m", "dvc", "--wait-for-lock", "exp", "run", "--quiet", "--temp",
         "--name", experiment, *options, "evaluate"],
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason"])[-1]
        raise InputError(f"{experiment}: {reason}")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


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
