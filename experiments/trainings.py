"""Many trainings: each is done once, and its result waits in data/trainings/ until it is used.

A result's file is named after everything that decides the result: settings, code and data. So
whoever needs a training finds what another command has done of it, a whole one or some epochs.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks import measured
from experiments.training import LEARNED, HeldOut, OnEpoch, Training
from experiments.workers import Workers
from fashion_mnist import files, progress
from fashion_mnist.dataset import splits
from fashion_mnist.errors import InputError

FOLDER = Path("data/trainings")
CODE = (
    *measured.CODE,
    "experiments/training.py",
    "fashion_mnist/training/checkpoint.py",
    "fashion_mnist/training/linear.py",
    "fashion_mnist/training/prediction.py",
    "fashion_mnist/training/resnet.py",
)


@cache
def inputs(measured_on: HeldOut) -> dict[str, str]:
    """Return the SHA-256 of each file of code and data that decides results, by its path.

    Raises:
        InputError: a file is missing.
    """
    data = Path("data")
    arrays = [
        data / split / name
        for split in (*LEARNED[measured_on], measured_on)
        for name in ("images.npy", "labels.npy")
    ]
    paths = [*map(Path, CODE), data / splits.SPEC, *arrays]
    try:
        return {path.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    except FileNotFoundError as error:
        raise InputError(f"{error.filename}: not found; `dvc repro normalize` makes it") from None


def train_all(trainings: Sequence[Training], workers: Workers) -> list[dict[str, Any]]:
    """Return the result of each training, once `workers` have done those that are missing.

    Raises:
        InputError: a training failed; what the others have finished is kept.
    """
    missing = [training for training in trainings if not _path(training).exists()]
    with progress.bar(total=len(missing), unit=" trainings") as bar:
        for _ in workers.map(lambda training: train(training, workers), missing):
            bar.update()
    return [json.loads(_path(training).read_text()) for training in trainings]


def train(
    training: Training, workers: Workers, on_epoch: OnEpoch | None = None
) -> dict[str, Any] | None:
    """Return the result of a training, or None where `on_epoch` stopped it.

    A training that was interrupted goes on after its last whole epoch.
    """
    path = _path(training)
    if path.exists():
        return json.loads(path.read_text())
    checkpoint = path.with_suffix(".partial")
    result = workers.train(training, checkpoint, on_epoch)
    if result is not None:
        files.write_json(path, result)
    checkpoint.unlink(missing_ok=True)
    return result


def forget(trainings: Iterable[Training]) -> None:
    """Delete results that are used up: the next `train_all` trains anew."""
    for training in trainings:
        _path(training).unlink(missing_ok=True)


def _path(training: Training) -> Path:
    train, recipe, measured_on = training
    settings = [train.model_dump(), recipe.section, recipe.model_dump(), inputs(measured_on)]
    text = json.dumps([*settings, measured_on], sort_keys=True)
    return FOLDER / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
