"""The rows of the benchmarks: rows/NAME.args, each a complete setting for `dvc exp run`."""

from pathlib import Path

from omegaconf import OmegaConf

from fashion_mnist.errors import InputError
from fashion_mnist.params import CNN, MLP, Recipe, Train

FOLDER = Path("benchmarks/rows")


def read(name: str, seed: int, *changes: str) -> tuple[Train, Recipe]:
    """Return how the row trains, and its MLP or CNN, checked like params.yaml.

    A row says every key but the seed, so that a new default changes no row.

    Args:
        name: of the row.
        seed: of the training.
        changes: what is otherwise than in the row, as `-S` takes it: `cnn.flip=false`.

    Raises:
        InputError: a key is missing, unknown or out of range.
    """
    lines = (FOLDER / f"{name}.args").read_text().splitlines()
    sections = OmegaConf.to_container(
        OmegaConf.from_dotlist([*(line.removeprefix("-S ") for line in lines), *changes])
    )
    try:
        train = Train(**sections.pop("train"), seed=seed)
        [(kind, settings)] = sections.items()
        return train, {"mlp": MLP, "cnn": CNN}[kind](**settings)
    except (KeyError, TypeError, ValueError) as error:  # pydantic's are ValueErrors
        reason = " ".join(str(error).split())
        raise InputError(f"{FOLDER}/{name}.args {' '.join(changes)}: {reason}") from None
