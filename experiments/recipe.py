"""What other seeds and other settings do to the recipe of params.yaml.

Runs experiments on the last commit, in a clone. `python -m benchmarks.recipe seeds`: nine further
seeds, for metrics/seed_spread.json. Once that is committed, `python -m benchmarks.recipe reports`:
what docs/reports/ shows.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import stages
from benchmarks import measured
from fashion_mnist import files, params, progress

SEEDS = range(1, 10)
SPREAD = Path("metrics/seed_spread.json")
REPORTS = Path("docs/reports")


def changes() -> dict[str, str]:
    """Return the settings of each example report, by its name."""
    settings = params.load("train", "cnn")
    half = [count // 2 for count in settings.cnn.filters]
    return {
        "another-seed": "train.seed=1",
        "smaller-network": f"cnn.filters={half}".replace(" ", ""),
        "longer-training": f"train.epochs={2 * settings.train.epochs}",
    }


class Clone:
    """The last commit in a folder of its own, with the cache of this one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["git", "clone", "--quiet", ".", folder], check=True)
        self.run("dvc", "cache", "dir", "--local", str(Path(".dvc/cache").resolve()))

    def experiment(self, setting: str) -> None:
        """Run the last commit with one setting changed; its results stay in the working tree."""
        progress.say(f"{setting}:")
        self.git("reset", "--quiet", "--hard")
        self.run("dvc", "checkout", "--quiet", "--force")
        self.run("dvc", "exp", "run", "-S", setting, "evaluate")

    def run(self, module: str, *arguments: str) -> str:
        """Run a Python module there and return what it prints."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            env={**os.environ, "PATH": path},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout

    def git(self, *arguments: str) -> str:
        command = ["git", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout


def seeds(clone: Clone) -> None:
    for seed in SEEDS:
        clone.experiment(f"train.seed={seed}")
    runs = clone.git("for-each-ref", "--format=%(objectname)", "refs/exps/??/*/*").split()
    clone.run("fashion_mnist.seed_spread", "HEAD", *runs)
    files.write_bytes(SPREAD, (clone.folder / SPREAD).read_bytes())
    measured.record(SPREAD, *measured.TRAINING)


def reports(clone: Clone) -> None:
    for name, setting in changes().items():
        clone.experiment(setting)
        report = clone.run("fashion_mnist.report", "--base", "HEAD")
        files.write_bytes(REPORTS / f"{name}.md", report.encode())
        measured.record(REPORTS / f"{name}.md", *measured.TRAINING, SPREAD.as_posix())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["seeds", "reports"])
    given = parser.parse_args()
    measured.require_commit()
    with tempfile.TemporaryDirectory() as scratch:
        {"seeds": seeds, "reports": reports}[given.part](Clone(Path(scratch) / "clone"))


if __name__ == "__main__":
    stages.run(main)
