"""Write each stage's imports into dvc.yaml, under `deps`: `python -m fashion_mnist.stage_deps`.

DVC does not follow imports. With every imported file under `deps`, a changed file reruns the stages
that use it and no other.
"""

import ast
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from fashion_mnist import command, files
from fashion_mnist.errors import InputError

PIPELINE = Path("dvc.yaml")


def main() -> None:
    yaml = YAML()
    yaml.width = 1000
    try:
        pipeline = yaml.load(PIPELINE)
    except FileNotFoundError:
        raise InputError(f"{PIPELINE}: not found; run from the repository's root") from None
    except YAMLError as error:
        raise InputError(f"{PIPELINE}: not YAML: {' '.join(str(error).split())}") from None
    for name, stage in pipeline["stages"].items():
        script = Path("stages") / f"{name}.py"
        code = sorted(path.as_posix() for path in import_closure(script) - {script})
        others = [dep for dep in stage.get("deps", []) if not dep.endswith(".py")]
        stage["deps"] = [script.as_posix(), *code, *others]
    with files.atomic(PIPELINE) as partial:
        yaml.dump(pipeline, partial)


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
