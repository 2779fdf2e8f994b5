"""data/pictures -> data/features.npz: what the frozen network sees in each photograph."""

from pathlib import Path

import numpy as np

from fashion_mnist import command
from fashion_mnist.errors import InputError
from fashion_mnist.inference.photograph_model import PhotographModel
from fashion_mnist.params.photographs import Photographs
from fashion_mnist.teaching import features
from fashion_mnist.teaching.fit import Examples
from fashion_mnist.training import photograph_graph
from photographs import collection
from photographs.collection import Collection

CACHE = Path("photographs/data/features.sqlite")  # so that a stopped run goes on


def main() -> None:
    settings = Photographs.load()
    network = photograph_graph.to_onnx(settings.backbone, head=None)
    paths = collection.find()
    read = features.read(paths, PhotographModel(network.SerializeToString()), CACHE)
    if read.complaints:
        raise InputError(f"{read.complaints[0]}; run `dvc --cd photographs repro --force`")
    Collection(
        Examples(
            read.features,
            collection.labels(paths, settings.classes),
            collection.people(paths),
        ),
        np.array([path.relative_to(collection.PICTURES).as_posix() for path in paths]),
        np.array([path.parent.parent.name == collection.TEST for path in paths]),
    ).save()


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
