"""What other seeds and other settings do to the recipe of params.yaml.

`python -m benchmarks.recipe` runs experiments on the last commit, in a clone: nine further seeds
for metrics/seed_spread.json, then the changes of docs/reports/. A quarter of an hour and more.
"""

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


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        clone = Clone(Path(scratch) / "clone")
        for seed in SEEDS:
            clone.experiment(f"train.seed={seed}")
        runs = clone.git("for-each-ref", "--format=%(objectname)", "refs/exps/??/*/*").split()
        clone.run("fashion_mnist.seed_spread", "HEAD", *runs)
        files.write_bytes(SPREAD, (clone.folder / SPREAD).read_bytes())
        measured.record(SPREAD, *measured.TRAINING)
        for name, setting in changes().items():
            clone.experiment(setting)
            report = clone.run("fashion_mnist.report", "--base", "HEAD")
            files.write_bytes(REPORTS / f"{name}.md", report.encode())
            measured.record(REPORTS / f"{name}.md", *measured.TRAINING)


if __name__ == "__main__":
    stages.run(main)
