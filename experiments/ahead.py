"""Train what `make benchmarks` lacks, several at a time: `python -m experiments.ahead --jobs 4`.

`dvc --cd experiments repro` trains one row and seed after the other. This command does the same
trainings, and those of the ablations, at the same time, here or on a cluster. Their results wait in
data/trainings/; that command then takes them, in seconds.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from experiments import ablate, rows, trainings, workers
from experiments.training import Training, require_all_images
from fashion_mnist import command
from fashion_mnist.errors import InputError
from fashion_mnist.params import section

PIPELINE = Path("experiments/dvc.yaml")


def main(jobs: int, cluster: str | None) -> None:
    for measured_on in ("test", "validation"):
        require_all_images(measured_on)
    missing = [training for stage in outdated() for training in of(stage)]
    with workers.start(jobs, cluster) as working:
        trainings.train_all(missing, working)
    print(f"{len(missing)} trainings wait; `dvc --cd {PIPELINE.parent} repro` takes them")


def outdated() -> list[str]:
    """Return the names of the pipeline's stages that `dvc repro` would run."""
    dvc = (sys.executable, "-m", "dvc", "--wait-for-lock", "--cd", str(PIPELINE.parent))
    done = subprocess.run([*dvc, "status", "--json"], capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"{PIPELINE}: {done.stderr.strip().splitlines()[-1]}")
    return [stage.rpartition(":")[2] for stage in json.loads(done.stdout)]


def of(stage: str) -> list[Training]:
    """Return the trainings of a stage; those that learn from folds are not among them."""
    kind, _, name = stage.partition("@")
    if kind == "train":
        row, _, seed = name.rpartition("-")
        return [Training(*rows.read(row, int(seed)), "test")]
    if kind == "ablate":
        changes = section.read(PIPELINE)["stages"]["ablate"]["foreach"][name]
        return ablate.of(changes.split())
    return []


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    workers.add_options(parser)
    return parser


if __name__ == "__main__":
    command.run(main, parser())
