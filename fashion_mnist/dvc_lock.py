"""What dvc.lock says was run, whether it is still so, and what differs between two of them."""

import hashlib
from collections.abc import Iterable
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from fashion_mnist.revisions import Revision


def read(revision: Revision) -> dict[str, Any]:
    """Return dvc.lock of a revision; one without stages where there is none."""
    return _yaml(revision.read("dvc.lock") or b"stages: {}")


def params(lock: dict) -> dict[str, Any]:
    """Return the params that the stages ran with, as `train.epochs`: 6."""
    merged = {}
    for stage in lock["stages"].values():
        merged |= _flat(stage.get("params", {}).get("params.yaml", {}))
    return merged


def recipe(lock: dict, models: Iterable[str]) -> dict[str, Any]:
    """Return what decides how `models` are trained, but for the seed: params, and data/train."""
    sections = {"train", *models}
    chosen = {
        key: value
        for key, value in params(lock).items()
        if key.partition(".")[0] in sections and key != "train.seed"
    }
    return {"data/train": output(lock, "data/train"), **chosen}


def changed_keys(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the keys whose values differ, or that only one of the two has."""
    return sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))


def output(lock: dict, path: str) -> str | None:
    """Return the hash of what a stage made; None where no stage did."""
    outputs = (_hashes(stage, "outs") for stage in lock["stages"].values())
    return next((hashes[path] for hashes in outputs if path in hashes), None)


def changed_stages(base: dict, now: dict) -> dict[str, list[str]]:
    """For each stage, which of its inputs differ from the base: none means that it did not run."""
    changed = {}
    for name, stage in now["stages"].items():
        before = base["stages"].get(name, {})
        inputs = changed_keys(_hashes(before, "deps"), _hashes(stage, "deps"))
        if before.get("params") != stage.get("params"):
            inputs.append("params.yaml")
        changed[name] = inputs
    return changed


def stale_files(now: Revision, lock: dict) -> list[str]:
    """Return the code that is no longer what the stages ran with, and params.yaml likewise."""
    stale = set()
    if content := now.read("params.yaml"):
        try:
            given = _flat(_yaml(content))
        except YAMLError:
            given = {}
        if any(given.get(key) != value for key, value in params(lock).items()):
            stale.add("params.yaml")
    for stage in lock["stages"].values():
        for path, ran in _hashes(stage, "deps").items():
            content = now.read(path) if path.endswith(".py") else None
            if content is not None and hashlib.md5(content).hexdigest() != ran:
                stale.add(path)
    return sorted(stale)


def _yaml(content: bytes) -> dict[str, Any]:
    return YAML(typ="safe", pure=True).load(content)


def _hashes(stage: dict, kind: str) -> dict[str, str]:
    return {entry["path"]: entry["md5"] for entry in stage.get(kind, [])}


def _flat(values: dict, prefix: str = "") -> dict[str, Any]:
    flat = {}
    for key, value in values.items():
        nested = isinstance(value, dict)
        flat |= _flat(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return flat
