"""data/features.npz -> data/head.npz.

Cross-validation over people comes first. It chooses the thresholds, and its answers go to
photographs/data/answers.npz.
"""

from pathlib import Path

import numpy as np

from fashion_mnist import command, files, progress
from fashion_mnist.params.photographs import Photographs
from fashion_mnist.teaching import fit
from fashion_mnist.training import photograph_graph
from photographs import collection
from photographs.collection import Collection

ANSWERS, HEAD = Path("photographs/data/answers.npz"), Path("photographs/data/head.npz")


def main() -> None:
    settings = Photographs.load()
    names = collection.class_names(settings.classes)
    examples = Collection.load().to_learn_from.examples
    progress.say(f"train: {settings.train.folds} heads, each for people it has not learned from")
    checked = fit.cross_validate(examples, len(names), settings.train)
    with files.atomic(ANSWERS) as partial, partial.open("wb") as file:
        np.savez(file, **checked._asdict())
    head = fit.fit(
        examples,
        names,
        checked,
        settings.train,
        item=settings.classes.item,
        other=settings.classes.other,
        backbone=photograph_graph.identity(settings.backbone),
    )
    head.save(HEAD)


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
