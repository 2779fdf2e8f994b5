"""The rows: rows/NAME.args, each a complete setting for `dvc exp run`."""

import json
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from fashion_mnist.errors import InputError
from fashion_mnist.params.cnn import CNN
from fashion_mnist.params.linear import Linear
from fashion_mnist.params.mlp import MLP
from fashion_mnist.params.recipe import Recipe
from fashion_mnist.params.resnet import ResNet
from fashion_mnist.params.train import Train

FOLDER = Path("experiments/rows")
MIRROR = "-S export.mirror_averaged=true"
RECIPES: dict[str, type[Recipe]] = {kind.section: kind for kind in (MLP, CNN, Linear, ResNet)}


def names() -> list[str]:
    """Return the names of all rows."""
    return sorted(path.stem for path in FOLDER.glob("*.args"))


def read(name: str, seed: int, *changes: str) -> tuple[Train, Recipe]:
    """Return how the row trains, and its MLP or CNN, checked like params.yaml.

    A row has every key but the seed, so a new default in params.yaml changes no row.

    Args:
        name: of the row.
        seed: of the training.
        changes: what differs from the row, as `-S` takes it: `cnn.flip=false`.

    Raises:
        InputError: a key is missing, unknown or out of range.
    """
    lines = (FOLDER / f"{name}.args").read_text().splitlines()
    settings = [*(line.removeprefix("-S ") for line in lines if line != MIRROR), *changes]
    try:
        sections = OmegaConf.to_container(OmegaConf.from_dotlist(settings))
        if not isinstance(sections, dict):
            raise TypeError("expected section.key=value")
        train = Train(**sections.pop("train"), seed=seed)
        [(kind, recipe)] = sections.items()
        return train, RECIPES[str(kind)](**recipe)
    except (KeyError, TypeError, ValueError) as error:  # pydantic's are ValueErrors
        reason = " ".join(str(error).split())
        raise InputError(f"{FOLDER}/{name}.args {' '.join(changes)}: {reason}") from None


def is_mirror_averaged(name: str) -> bool:
    """Return whether the row's exported model answers with the mean of an image and its mirror."""
    return MIRROR in (FOLDER / f"{name}.args").read_text().splitlines()


def lines(train: Train, recipe: Recipe) -> str:
    """Return the content of a row's file: every key but the seed."""
    sections = {
        train.section: train.model_dump(exclude={"seed"}),
        recipe.section: recipe.model_dump(),
    }
    return "".join(
        f"-S {name}.{key}={_as_option(value)}\n"
        for name, values in sections.items()
        for key, value in values.items()
    )


def _as_option(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
