"""Which measured documents are older than what they measure: `python -m benchmarks.measured`.

Each command that measures notes the hashes of what it measured in benchmarks/measured.json. Not
those of models, which another processor makes otherwise from the same code and params.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import stages
from fashion_mnist import files, params
from fashion_mnist.errors import InputError

RECORD = Path("benchmarks/measured.json")
# What decides how long a training takes and how good its models are.
CODE = (
    "requirements.txt",
    *(f"fashion_mnist/{name}.py" for name in ("backend", "dataset", "models", "optimizers")),
    *(f"fashion_mnist/{name}.py" for name in ("processor", "training")),
)
TRAINING = (*CODE, *(f"params.yaml: {name}" for name in ("normalize", "train", "mlp", "cnn")))


def record(document: Path, *inputs: str) -> None:
    """Note what `document` was measured on: paths, or sections as "params.yaml: cnn"."""
    known = _read()
    known[document.as_posix()] = {name: _hash(name) for name in sorted(inputs)}
    files.write_json(RECORD, dict(sorted(known.items())))


def require_commit() -> None:
    """Refuse to measure the last commit while the working tree, which is noted, is another.

    Raises:
        InputError: it is.
    """
    done = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True
    )
    if changed := done.stdout.splitlines():
        raise InputError(f"{changed[0][3:]}: changed; commit first: the last commit is measured")


def older() -> dict[str, list[str]]:
    """Return the documents that are older than something they measure, and than what."""
    changed = {
        document: [name for name, noted in inputs.items() if _hash(name) != noted]
        for document, inputs in _read().items()
    }
    return {document: names for document, names in changed.items() if names}


def _read() -> dict[str, dict[str, str]]:
    return json.loads(RECORD.read_text()) if RECORD.exists() else {}


def _hash(name: str) -> str:
    path, _, section = name.partition(": ")
    if section:
        content = getattr(params.load(section), section).model_dump_json().encode()
    else:
        content = Path(path).read_bytes() if Path(path).exists() else b""
    return hashlib.md5(content).hexdigest()


def main() -> None:
    found = older()
    for document, names in found.items():
        print(f"{document} is older than {', '.join(names)}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    stages.run(main)
