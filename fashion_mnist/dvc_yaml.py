"""Write into dvc.yaml what follows from code and params: `python -m fashion_mnist.dvc_yaml`.

Under `deps` come each stage's imports. DVC does not follow them; with every imported file there, a
changed file reruns the stages that use it and no other. For each model whose section params.yaml
has come the stage train_MODEL and what evaluate and export read and write; a model without a
section goes. What is written of a new model is what is written of EXAMPLE, under its name.
"""

import ast
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from fashion_mnist import command, files
from fashion_mnist.errors import InputError
from fashion_mnist.params import whole

PIPELINE, LOCK = Path("dvc.yaml"), Path("dvc.lock")
EXAMPLE = "mlp"
OF_ALL_MODELS = ("evaluate", "export")  # the stages that read every model


def main() -> None:
    yaml = YAML()
    yaml.width = 1000
    try:
        pipeline = yaml.load(PIPELINE)
    except FileNotFoundError:
        raise InputError(f"{PIPELINE}: not found; run from the repository's root") from None
    except YAMLError as error:
        raise InputError(f"{PIPELINE}: not YAML: {' '.join(str(error).split())}") from None
    _write_models(pipeline["stages"], list(whole.models()))
    for name, stage in pipeline["stages"].items():
        script = Path("stages") / f"{name}.py"
        code = sorted(path.as_posix() for path in import_closure(script) - {script})
        others = [dep for dep in stage.get("deps", []) if not dep.endswith(".py")]
        stage["deps"] = [script.as_posix(), *code, *others]
    with files.atomic(PIPELINE) as partial:
        yaml.dump(pipeline, partial)


def _write_models(stages: Any, models: list[str]) -> None:
    trained = [name.removeprefix("train_") for name in stages if name.startswith("train_")]
    for name in trained:
        if name not in models:
            del stages[f"train_{name}"]
            for entries in _lists(stages):
                entries[:] = [entry for entry in entries if not _mentions(entry, name)]
            _forget(f"train_{name}")
            print(f"{PIPELINE}: without train_{name}; `git rm` its metrics and plots")
    for name in models:
        if name not in trained:
            place = max(at for at, stage in enumerate(stages) if stage.startswith("train_"))
            stage = _renamed(stages[f"train_{EXAMPLE}"], name)
            stages.insert(place + 1, f"train_{name}", {**stage, "desc": f"train the model {name}"})
            for entries in _lists(stages):
                for entry in [entry for entry in entries if _mentions(entry, EXAMPLE)]:
                    alike = [_renamed(_path(entry), model) for model in models]
                    last = max(at for at, other in enumerate(entries) if _path(other) in alike)
                    entries.insert(last + 1, _renamed(entry, name))
            print(f"{PIPELINE}: with train_{name}")


def _forget(stage: str) -> None:
    """Remove a stage from dvc.lock, where DVC leaves it."""
    if LOCK.exists():
        yaml = YAML()
        yaml.width = 1000
        lock = yaml.load(LOCK)
        if lock["stages"].pop(stage, None):
            with files.atomic(LOCK) as partial:
                yaml.dump(lock, partial)


def _lists(stages: Any) -> list[Any]:
    """Return the lists of the stages that read every model."""
    values = [value for name in OF_ALL_MODELS for value in stages[name].values()]
    return [value for value in values if isinstance(value, list)]


def _path(entry: Any) -> str:
    return entry if isinstance(entry, str) else next(iter(entry))


def _mentions(entry: Any, model: str) -> bool:
    """Return whether an entry of a list is about a model, or about what was made from it."""
    path = _path(entry)
    is_named = re.search(rf"(?<![a-z0-9]){model}(?![a-z0-9])", path) is not None
    return is_named and not path.endswith(".py")


def _renamed(value: Any, model: str) -> Any:
    """Return a copy of what dvc.yaml says of EXAMPLE, with another model's name."""
    if isinstance(value, dict):
        return {_renamed(key, model): _renamed(item, model) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, model) for item in value]
    if isinstance(value, str):
        return value.replace(f"the {EXAMPLE.upper()}", model).replace(EXAMPLE, model)
    return value


def import_closure(script: Path) -> set[Path]:
    """Return the files of this repository that `script` imports, directly or not, and itself.

    Args:
        script: a path below the current folder, which is the repository's root.
    """
    found: set[Path] = set()
    waiting = [script, script.parent / "__init__.py"]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting += _imported_files(current)
    return found


def _imported_files(file: Path) -> list[Path]:
    names = set()
    for node in ast.walk(_parse(file)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return [path for name in names for path in _files_of(name)]


def _parse(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_text())
    except SyntaxError as error:
        raise InputError(f"{file}, line {error.lineno}: {error.msg}") from None


def _files_of(name: str) -> list[Path]:
    """Return the files that `import name` runs: the module's, and those of its packages."""
    parts = name.split(".")
    packages = [Path(*parts[:end], "__init__.py") for end in range(1, len(parts) + 1)]
    return [path for path in [*packages, Path(*parts).with_suffix(".py")] if path.is_file()]


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
