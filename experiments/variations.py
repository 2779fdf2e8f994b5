"""Measure the recipe of params.yaml with other seeds and other settings.

`python -m experiments.variations seeds` runs nine further seeds on the last commit, as the DVC
experiments seed-1 to seed-9, and writes metrics/seed_spread.json; what is there is not run again.
Once that file is committed, `python -m experiments.variations reports` writes the
examples in docs/reports/, by experiments in a clone.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import measured
from experiments import dvc_experiments
from fashion_mnist import command, files, progress, seed_spread
from fashion_mnist.errors import InputError
from fashion_mnist.params.cnn import CNN
from fashion_mnist.params.train import Train

SEEDS = range(1, 10)
SPREAD = Path("metrics/seed_spread.json")
REPORTS = Path("docs/reports")


def changes() -> dict[str, str]:
    """Return the changed setting of each example report, by the report's name."""
    half = [count // 2 for count in CNN.load().filters]
    return {
        "another-seed": "train.seed=1",
        "smaller-network": f"cnn.filters={half}".replace(" ", ""),
        "longer-training": f"train.epochs={2 * Train.load().epochs}",
    }


class Clone:
    """The last commit in a folder of its own, with this folder's DVC cache."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["git", "clone", "--quiet", ".", folder], check=True)
        self.run("dvc", "cache", "dir", "--local", str(Path(".dvc/cache").resolve()))

    def experiment(self, setting: str) -> None:
        """Run the last commit with one changed setting; the results stay in the clone."""
        progress.say(f"{setting}:")
        self.git("reset", "--quiet", "--hard")
        self.run("dvc", "checkout", "--quiet", "--force")
        self.run("dvc", "exp", "run", "-S", setting, "evaluate")

    def run(self, module: str, *arguments: str) -> str:
        """Run a Python module in the clone and return what it prints."""
        return self._call(sys.executable, "-m", module, *arguments)

    def git(self, *arguments: str) -> str:
        return self._call("git", *arguments)

    def _call(self, *arguments: str) -> str:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            arguments,
            cwd=self.folder,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            raise InputError(f"{' '.join(arguments)}: exit status {done.returncode}")
        return done.stdout


def seeds(jobs: int) -> None:
    commits = dvc_experiments.run({f"seed-{seed}": [f"train.seed={seed}"] for seed in SEEDS}, jobs)
    seed_spread.main(["HEAD", *commits.values()])
    measured.record(SPREAD, *measured.TRAINING)


def reports(clone: Clone) -> None:
    for name, setting in changes().items():
        clone.experiment(setting)
        report = clone.run("fashion_mnist.report", "--base", "HEAD")
        files.write_bytes(REPORTS / f"{name}.md", report.encode())
        measured.record(REPORTS / f"{name}.md", *measured.TRAINING, SPREAD.as_posix())


def main(part: str, jobs: int) -> None:
    measured.require_commit()
    if part == "seeds":
        seeds(jobs)
        return
    with tempfile.TemporaryDirectory() as scratch:
        reports(Clone(Path(scratch) / "clone"))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("part", choices=["seeds", "reports"])
    parser.add_argument(
        "--jobs", type=command.count, default=1, metavar="N", help="seeds at a time; default: 1"
    )
    return parser


if __name__ == "__main__":
    command.run(main, parser())
