"""Which models a service has: the SHA-256 of their files, their cards, and their tag."""

from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from prometheus_client import Gauge
from pydantic import BaseModel, ConfigDict, ValidationError

from fashion_mnist.errors import InputError
from fashion_mnist.inference.answers import PHOTOGRAPHS
from fashion_mnist.inference.head import Head, file_of
from fashion_mnist.inference.model_card import PROMOTION, sha256
from fashion_mnist.version import VERSION

T = TypeVar("T", bound=BaseModel)

INFO = Gauge(
    "service_info", "1 for each model that is served", ["model", "sha256", "version", "tag"]
)


class Promotion(BaseModel):
    """Of which tag and commit the models are; empty where they are not promoted."""

    tag: str = ""
    commit: str = ""


class Written(BaseModel):
    """What the stage wrote beside a model, as far as the service reads it."""

    model_config = ConfigDict(extra="allow")
    test: dict[str, Any] = {}
    sha256: dict[str, str] = {}


class Card(NamedTuple):
    """sha256: of the model's file; content: what the stage wrote, {} where there is nothing."""

    sha256: str
    promotion: Promotion
    content: dict[str, Any]


def read(models: Path, names: list[str], head: Path | None) -> dict[str, Card]:
    """Return the cards of models by their names, and publish which they are.

    Args:
        models: the folder of the models.
        names: of the models.
        head: what `teach` wrote, if it answers; its SHA-256 is that of the network and the head.

    Raises:
        InputError: a file is damaged, or the head has the name of a model.
    """
    promotion = _read(models / PROMOTION, Promotion)
    cards = {
        name: Card(
            sha256(models / f"{name}.onnx"),
            promotion,
            _read(models / f"{name}.json", Written).model_dump(exclude_unset=True),
        )
        for name in names
    }
    if head:
        name = head.resolve().name
        if name in cards:
            raise InputError(f"{head}: a model has this name, too; rename the head")
        content = {"name": name, "head": Head.load(head).info.model_dump()}
        cards[name] = Card(sha256(models / PHOTOGRAPHS, file_of(head)), Promotion(), content)
    for name, card in cards.items():
        INFO.labels(name, card.sha256, VERSION, card.promotion.tag).set(1)
    return cards


def _read(path: Path, schema: type[T]) -> T:
    try:
        return schema.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return schema()
    except (OSError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: damaged ({reason}); make it again, or delete it") from None
