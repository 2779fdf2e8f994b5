"""What dvc.lock says was run, whether it is still so, and what differs between two of them."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from fashion_mnist.revisions import Revision


def read(revision: Revision) -> dict[str, Any]:
    """Return dvc.lock of a revision; one without stages where there is none."""
    return _yaml(revision.read("dvc.lock") or b"stages: {}")


def training(lock: dict, models: Iterable[str]) -> dict[str, Any]:
    """Return what the models were trained with: params as `train.seed`: 0, hash of data/train."""
    stages = [lock["stages"].get(f"train_{model}", {}) for model in models]
    return {"data/train": output(lock, "data/train"), **dict(_params(stages))}


def recipe(lock: dict, models: Iterable[str]) -> dict[str, Any]:
    """Return what `training` does, without the seed."""
    return {k: v for k, v in training(lock, models).items() if k != "train.seed"}


def changed_params(base: dict, now: dict) -> dict[str, tuple[Any, Any]]:
    """Return the params that a stage ran with otherwise than at the base: both values."""
    old, new = (list(_params(lock["stages"].values())) for lock in (base, now))
    before = dict(old)
    changed = {key: (before.get(key), value) for key, value in new if (key, value) not in old}
    gone = {key: (value, None) for key, value in old if key not in dict(new)}
    return dict(sorted((changed | gone).items()))


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


def stale_files(now: Revision, lock: dict, result: str) -> list[str]:
    """Return what differs now from what `result` was made with: code, params.yaml, stages' files.

    Only the stages that lead to `result` count. A file of a stage differs where that stage ran
    again and the next one did not.
    """
    stages = list(_stages_behind(lock, result))
    stale = set()
    if content := now.read("params.yaml"):
        try:
            given = _flat(_yaml(content))
        except YAMLError:
            given = {}
        if any(given.get(key) != value for key, value in _params(stages)):
            stale.add("params.yaml")
    for stage in stages:
        for path, ran in _hashes(stage, "deps").items():
            if (output(lock, path) or _hash(now.read(path))) not in (ran, None):
                stale.add(path)
    return sorted(stale)


def _stages_behind(lock: dict, path: str) -> Iterator[dict]:
    """Yield the stage that makes `path`, then those that make what it reads, and so on."""
    for stage in lock["stages"].values():
        if path in _hashes(stage, "outs"):
            yield stage
            for read in _hashes(stage, "deps"):
                yield from _stages_behind(lock, read)


def _params(stages: Iterable[dict]) -> Iterator[tuple[str, Any]]:
    for stage in stages:
        yield from _flat(stage.get("params", {}).get("params.yaml", {})).items()


def _hash(content: bytes | None) -> str | None:
    return None if content is None else hashlib.md5(content).hexdigest()


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
