"""Measure the model of photographs on pictures of other kinds: `python -m benchmarks.photographs`.

The pictures come from two Debian packages: stamps, which are cut-out photographs of things on white
(tuxpaint-stamps-default), and landscapes (mate-backgrounds).

- How many landscapes and things are called unknown, and how many stamps of clothes?
- What does `teach` reach with 5 and 10 stamps of a class? The pictures that it does not learn from
  are asked.
- How much processor time does a photograph cost, from file to answer, on one thread?

The time goes to benchmarks/times/photographs, the rest to benchmarks/photographs.json.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import by_processor, measured
from fashion_mnist import command, files, progress
from fashion_mnist.dataset import photograph, sources
from fashion_mnist.dataset.folder import pictures_below
from fashion_mnist.errors import InputError
from fashion_mnist.inference.answers import Models
from fashion_mnist.inference.photograph_model import PhotographModel
from fashion_mnist.teaching.fit import Examples, classify

STAMPS, LANDSCAPES = "tuxpaint-stamps-default", "mate-backgrounds"
TAUGHT = ("food/fruit", "plants/flowers", "animals/birds", "town/roadsigns", "food/vegetables")
THINGS = ("animals", "food", "household", "plants", "sports", "vehicles", "hobbies")
PER_CLASS, ASKED, DRAWS = (5, 10), 5, 20
TIMED, REPEATS = 200, 5
RESULT = Path("benchmarks/photographs.json")
CODE = (
    "fashion_mnist/dataset/photograph.py",
    "fashion_mnist/dataset/picture_file.py",
    "fashion_mnist/inference/photograph_model.py",
    "fashion_mnist/teaching/fit.py",
    "fashion_mnist/training/efficientnet_lite.py",
    "photographs/head.npz",
    "photographs/params.yaml",
)


def main() -> None:
    measured.require_commit()
    model = PhotographModel(Path("models/photographs.onnx"))
    with tempfile.TemporaryDirectory() as scratch:
        stamps = _unpack(STAMPS, Path(scratch) / "stamps") / "usr/share/tuxpaint/stamps"
        nature = _unpack(LANDSCAPES, Path(scratch) / "landscapes") / (
            "usr/share/backgrounds/mate/nature"
        )
        things = [path for name in THINGS for path in _stamps(stamps / name)]
        results = {
            "unknown": {
                "landscapes": _unknown(model, pictures_below(nature)),
                "things": _unknown(model, things),
                "clothes": _unknown(model, _stamps(stamps / "clothes")),
            },
            "taught": _taught(model, [_stamps(stamps / name) for name in TAUGHT]),
        }
    files.write_json(RESULT, results)
    measured.record(RESULT, *CODE)
    by_processor.write("photographs", {"milliseconds": _time()}, *CODE)


def _unpack(package: str, scratch: Path) -> Path:
    progress.say(f"photographs: fetching the Debian package {package}")
    scratch.mkdir()
    try:
        return sources.unpack_debian_package(package, scratch)
    except sources.SourceError as error:
        raise InputError(f"debian:{package}: {error}") from None


def _stamps(folder: Path) -> list[Path]:
    """Return the stamps that are photographs, each thing once."""
    return [
        path
        for path in pictures_below(folder)
        if "cartoon" not in path.parts and not path.stem.endswith(("_mirror", "_flip"))
    ]


def _pixels(model: PhotographModel, paths: list[Path]) -> np.ndarray:
    return np.stack([photograph.pixels(path, path.name, model.side) for path in paths])


def _unknown(model: PhotographModel, paths: list[Path]) -> dict[str, Any]:
    answer = model(_pixels(model, paths))
    unknown = answer.similarities < model.info.known_from
    verdicts = [model.verdict(*row) for row in zip(*answer, strict=True)]
    return {
        "pictures": len(paths),
        "unlike": int(unknown.sum()),
        "named": sum(verdict["sure"] for verdict in verdicts),
    }


def _taught(model: PhotographModel, classes: list[list[Path]]) -> dict[str, Any]:
    """Return the accuracy of heads on stamps that they did not learn from, over random draws."""
    labels = np.repeat(np.arange(len(classes)), [len(paths) for paths in classes])
    features = model.features(_pixels(model, [path for paths in classes for path in paths]))
    rng = np.random.default_rng(0)
    results = {}
    for count in PER_CLASS:
        accuracies = []
        for _ in range(DRAWS):
            order = [
                rng.permutation(np.flatnonzero(labels == label)) for label in range(len(classes))
            ]
            learned = np.concatenate([positions[:count] for positions in order])
            asked = np.concatenate([positions[count : count + ASKED] for positions in order])
            examples = Examples(features[learned], labels[learned], learned)
            probabilities = classify(examples, features[asked], len(classes), model.info.train)
            accuracies.append((probabilities.argmax(axis=1) == labels[asked]).mean())
        results[str(count)] = {
            "accuracy": float(np.mean(accuracies)),
            "deviation": float(np.std(accuracies, ddof=1)),
        }
    return {"classes": len(classes), "asked_per_class": ASKED, "pictures_per_class": results}


def _time() -> list[float]:
    """Return the processor time of a photograph, from file to verdict, in several passes."""
    paths = pictures_below(Path("photographs/data/pictures"))[:TIMED]
    if not paths:
        raise InputError("photographs/data/pictures: no photographs; run `make photographs`")
    models = Models.load(Path("models"), head=None, threads=1)
    passes = []
    for _ in range(REPEATS):
        start = time.process_time()
        for path in paths:
            models.answer([models.prepare(path, path.name)], top=1)
        passes.append(1000 * (time.process_time() - start) / len(paths))
    return passes


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
