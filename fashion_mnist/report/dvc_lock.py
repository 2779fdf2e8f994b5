"""What dvc.lock says: what each stage ran with, and what has changed since."""

import hashlib
import posixpath
from collections.abc import Iterable, Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from fashion_mnist.report.revisions import NoBaselineError, Revision

Lock = dict[str, Any]
# The pipelines whose models the report compares, each with the prefix of its stages' names, as DVC
# writes it: both have a stage `evaluate`.
LOCKS = {"dvc.lock": "", "r/dvc.lock": "r/dvc.yaml:"}
CHECK = "check_params"  # reads all params, but no result depends on what it read


def read(revision: Revision) -> Lock:
    """Return dvc.lock and r/dvc.lock of a revision, merged; a missing file has no stages.

    All paths are those from the root.

    Raises:
        NoBaselineError: a file is not what DVC writes.
    """
    stages: dict[str, Any] = {}
    for path, prefix in LOCKS.items():
        content = revision.read(path)
        if content is not None:
            found = _stages(content, f"{path} of {revision}", posixpath.dirname(path))
            stages |= {f"{prefix}{name}": stage for name, stage in found.items()}
    return {"stages": stages}


def _stages(content: bytes, name: str, folder: str) -> dict[str, Any]:
    try:
        stages = _yaml(content)["stages"]
        if all(isinstance(stage, dict) for stage in stages.values()):
            return {name: _from_root(stage, folder) for name, stage in stages.items()}
    except (YAMLError, KeyError, TypeError, AttributeError):
        pass
    raise NoBaselineError(f"{name} is not what DVC writes; resolve it or restore it")


def _from_root(stage: dict[str, Any], folder: str) -> dict[str, Any]:
    """Return a stage with paths from the root, not from the folder of its lock."""

    def path(of: str) -> str:
        return posixpath.normpath(posixpath.join(folder, of))

    found = dict(stage)
    for kind in ("deps", "outs"):
        if kind in stage:
            found[kind] = [{**entry, "path": path(entry["path"])} for entry in stage[kind]]
    if "params" in stage:
        found["params"] = {path(file): values for file, values in stage["params"].items()}
    return found


def inputs(stage: dict[str, Any]) -> dict[str, Any]:
    """Return what a stage has read: each param, and the hash of each dependency."""
    return {**_hashes(stage, "deps"), **dict(_params([stage]))}


def training_inputs(lock: Lock, models: Iterable[str]) -> dict[str, Any]:
    """Return what the models were trained with: each param, and the hash of data/train."""
    stages = [lock["stages"].get(f"train_{model}", {}) for model in models]
    return {"data/train": output_hash(lock, "data/train"), **dict(_params(stages))}


def recipe(lock: Lock, models: Iterable[str]) -> dict[str, Any]:
    """Return `training_inputs` without the seed."""
    inputs = training_inputs(lock, models)
    return {key: value for key, value in inputs.items() if key != "train.seed"}


def changed_params(base: Lock, now: Lock) -> dict[str, tuple[Any, Any]]:
    """Return the params whose values differ from the base in any stage, with both values.

    None stands for a value that one side lacks.
    """
    before, after = (
        list(_params(stage for name, stage in lock["stages"].items() if name != CHECK))
        for lock in (base, now)
    )
    old, new = dict(before), dict(after)
    changed = {key: (old.get(key), value) for key, value in after if (key, value) not in before}
    removed = {key: (value, None) for key, value in old.items() if key not in new}
    return dict(sorted((changed | removed).items()))


def changed_keys(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the keys whose values differ, or that only one of the two has."""
    keys = before.keys() | after.keys()
    return sorted(key for key in keys if before.get(key) != after.get(key))


def outputs(lock: Lock) -> Iterator[tuple[str, str, str]]:
    """Yield stage, path and MD5 of every output that is a file."""
    for name, stage in lock["stages"].items():
        for entry in stage.get("outs", []):
            # The entries of old releases have another hash, without this key.
            if entry.get("hash") == "md5" and not entry["md5"].endswith(".dir"):
                yield name, entry["path"], entry["md5"]


def output_paths(lock: Lock) -> list[str]:
    """Return the paths of all outputs, files and folders."""
    return [path for stage in lock["stages"].values() for path in _hashes(stage, "outs")]


def maker(lock: Lock, path: str) -> tuple[str, dict[str, Any]]:
    """Return the name and the entry of the stage that makes a file; empty where none does."""
    for name, stage in lock["stages"].items():
        if path in _hashes(stage, "outs"):
            return name, stage
    return "", {}


def output_hash(lock: Lock, path: str) -> str | None:
    """Return the hash of a stage's output; None where no stage has it."""
    return _hashes(maker(lock, path)[1], "outs").get(path)


def changed_stages(base: Lock, now: Lock) -> dict[str, list[str]]:
    """Return the inputs of each stage that differ from the base; none means it need not run."""
    changed = {}
    for name, stage in now["stages"].items():
        before = base["stages"].get(name, {})
        inputs = changed_keys(_hashes(before, "deps"), _hashes(stage, "deps"))
        if before.get("params") != stage.get("params"):
            inputs.append("params.yaml")
        changed[name] = inputs
    return changed


def with_other_outputs(base: Lock, now: Lock) -> list[str]:
    """Return the stages that made something else of the base's inputs, as on another processor."""
    inputs = changed_stages(base, now)
    return [
        name
        for name, stage in now["stages"].items()
        if not inputs[name]
        and _hashes(stage, "outs") != _hashes(base["stages"].get(name, stage), "outs")
    ]


def stale_files(now: Revision, lock: Lock, result: str) -> list[str]:
    """Return what has changed since `result` was made: code, params, commands, stages' outputs.

    Only the stages that lead to `result` count. A stage's output has changed where that stage ran
    again and the next one did not.
    """
    behind = dict(_stages_behind(lock, result))
    stages = behind.values()
    stale = {
        f"the command of {name}"
        for name, command in _commands(now).items()
        if name in behind and command != behind[name].get("cmd")
    }
    if content := now.read("params.yaml"):
        try:
            current = _flat(_yaml(content))
        except YAMLError:
            current = {}
        if any(current.get(key) != value for key, value in _params(stages)):
            stale.add("params.yaml")
    for stage in stages:
        for path, known in _hashes(stage, "deps").items():
            if (output_hash(lock, path) or _hash(now.read(path))) not in (known, None):
                stale.add(path)
    return sorted(stale)


def _commands(now: Revision) -> dict[str, str]:
    """Return the command of each stage in dvc.yaml."""
    try:
        stages = _yaml(now.read("dvc.yaml") or b"{}").get("stages", {})
        return {name: stage["cmd"] for name, stage in stages.items() if "cmd" in stage}
    except (YAMLError, TypeError, AttributeError):  # DVC says what is wrong
        return {}


def _stages_behind(lock: Lock, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the stage that makes `path`, then the stages that make what it reads, and so on."""
    for name, stage in lock["stages"].items():
        if path in _hashes(stage, "outs") and name != CHECK:
            yield name, stage
            for read in _hashes(stage, "deps"):
                yield from _stages_behind(lock, read)


def _params(stages: Iterable[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield each param that a stage ran with, as `train.seed`, 0; stages may differ in a value."""
    for stage in stages:
        yield from _flat(stage.get("params", {}).get("params.yaml", {})).items()


def _hash(content: bytes | None) -> str | None:
    return None if content is None else hashlib.md5(content).hexdigest()


def _yaml(content: bytes) -> dict[str, Any]:
    return YAML(typ="safe", pure=True).load(content)


def _hashes(stage: dict[str, Any], kind: str) -> dict[str, str]:
    return {entry["path"]: entry["md5"] for entry in stage.get(kind, [])}


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values under joined keys: `train.seed`: 0."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
