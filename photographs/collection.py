"""The photographs as arrays: features, labels, and who took them."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fashion_mnist import files
from fashion_mnist.dataset.folder import pictures_below
from fashion_mnist.errors import InputError
from fashion_mnist.params.photographs import Classes
from fashion_mnist.teaching.fit import Examples

PICTURES, ARRAYS = Path("photographs/data/pictures"), Path("photographs/data/features.npz")
PEOPLE = Path("photographs/people.csv")
TEST = "test"  # the folder that measures once


class Collection(NamedTuple):
    """n photographs, in the order of their paths.

    examples: their features, labels and people; paths: str (n,), below PICTURES; is_test:
    bool (n,), whether a photograph may only measure.
    """

    examples: Examples
    paths: np.ndarray
    is_test: np.ndarray

    def take(self, positions: np.ndarray) -> "Collection":
        """Return some of the photographs."""
        return Collection(
            self.examples.take(positions), self.paths[positions], self.is_test[positions]
        )

    @property
    def to_learn_from(self) -> "Collection":
        """The photographs outside the folder `test`."""
        return self.take(np.flatnonzero(~self.is_test))

    def save(self) -> None:
        """Write the arrays, with features in half precision."""
        arrays = self.examples._asdict() | {"paths": self.paths, "is_test": self.is_test}
        arrays["features"] = self.examples.features.astype(np.float16)
        with files.atomic(ARRAYS) as partial, partial.open("wb") as file:
            np.savez(file, **arrays)

    @classmethod
    def load(cls) -> "Collection":
        """Read the arrays.

        Raises:
            InputError: the file is missing.
        """
        try:
            with np.load(ARRAYS) as content:
                features = content["features"].astype(np.float32)
                examples = Examples(features, content["labels"], content["groups"])
                return cls(examples, content["paths"], content["is_test"])
        except FileNotFoundError:
            raise InputError(f"{ARRAYS}: not found; run `make photographs`") from None


def class_names(classes: Classes) -> list[str]:
    """Return the names in the order of the labels, that of other garments last."""
    return [*dict.fromkeys(classes.folders.values()), classes.other]


def labels(paths: list[Path], classes: Classes) -> np.ndarray:
    """Return the label of each photograph, int64 (n,), by the name of its folder."""
    names = class_names(classes)
    found = [classes.folders.get(path.parent.name, classes.other) for path in paths]
    return np.array([names.index(name) for name in found])


def people(paths: list[Path]) -> np.ndarray:
    """Return a number for the person who took each photograph, int64 (n,).

    A photograph without a row in people.csv counts as that of a person of its own.
    """
    with PEOPLE.open(newline="", encoding="utf-8") as file:
        person_of = {
            (row["split"], row["folder"], row["picture"]): row["person"]
            for row in csv.DictReader(file)
        }
    keys = [(path.parent.parent.name, path.parent.name, path.stem) for path in paths]
    names = [person_of.get(key, "/".join(key)) for key in keys]
    return np.unique(names, return_inverse=True)[1]


def find() -> list[Path]:
    """Return the photographs below PICTURES, sorted."""
    return pictures_below(PICTURES)
