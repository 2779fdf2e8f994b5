"""Which models a service has: the SHA-256 of their files, their cards, and their tag."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client import Gauge

from fashion_mnist.errors import InputError
from fashion_mnist.inference.answers import PHOTOGRAPHS
from fashion_mnist.inference.head import Head, file_of
from fashion_mnist.inference.model_card import PROMOTION, sha256
from fashion_mnist.version import VERSION

INFO = Gauge(
    "service_info", "1 for each model that is served", ["model", "sha256", "version", "tag"]
)


class Card(NamedTuple):
    """sha256: of the model's file; tag and commit: of promoted models, or ""; content: what the
    stage wrote beside the model, {} where there is nothing.
    """

    sha256: str
    tag: str
    commit: str
    content: dict[str, Any]


def read(models: Path, names: list[str], head: Path | None) -> dict[str, Card]:
    """Return the cards of models by their names, and publish which they are.

    Args:
        models: the folder of the models.
        names: of the models.
        head: what `teach` wrote, if it answers; its SHA-256 is that of the network and the head.

    Raises:
        InputError: the head has the name of a model.
    """
    promotion = _json(models / PROMOTION)
    tag, commit = promotion.get("tag", ""), promotion.get("commit", "")
    cards = {
        name: Card(sha256(models / f"{name}.onnx"), tag, commit, _json(models / f"{name}.json"))
        for name in names
    }
    if head:
        name = head.resolve().name
        if name in cards:
            raise InputError(f"{head}: a model has this name, too; rename the head")
        content = {"name": name, "head": Head.load(head).info.model_dump()}
        cards[name] = Card(sha256(models / PHOTOGRAPHS, file_of(head)), "", "", content)
    for name, card in cards.items():
        INFO.labels(name, card.sha256, VERSION, card.tag).set(1)
    return cards


def _json(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        content = json.loads(path.read_bytes())
        return content if isinstance(content, dict) else {}
    return {}
