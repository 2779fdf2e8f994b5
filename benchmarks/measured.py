"""List measured documents that are older than what they measure: `python -m benchmarks.measured`.

Every command that measures writes the hashes of what it measured to benchmarks/measured.json.
Models are not among them, because another processor makes other models from the same code.
"""

import hashlib
import json
import subprocess
from pathlib import Path

from fashion_mnist import command, files
from fashion_mnist.errors import InputError
from fashion_mnist.params import whole

RECORD = Path("benchmarks/measured.json")
# What decides how long a training takes and how good its models are.
CODE = (
    "requirements.txt",
    "fashion_mnist/dataset/splits.py",
    "fashion_mnist/training/batch_normalization.py",
    "fashion_mnist/training/classifier_head.py",
    "fashion_mnist/training/cnn.py",
    "fashion_mnist/training/ensemble.py",
    "fashion_mnist/training/fit.py",
    "fashion_mnist/training/mlp.py",
    "fashion_mnist/training/muon.py",
    "fashion_mnist/training/processor.py",
    "fashion_mnist/training/tf_keras.py",
)
TRAINING = (
    *CODE,
    "params.yaml: normalize",
    "params.yaml: train",
    "params.yaml: mlp",
    "params.yaml: cnn",
)


def record(document: Path, *inputs: str) -> None:
    """Record what `document` was measured on: paths, or sections such as "params.yaml: cnn"."""
    known = _read()
    known[document.as_posix()] = {name: _hash(name) for name in sorted(inputs)}
    files.write_json(RECORD, dict(sorted(known.items())))


def require_commit() -> None:
    """Check that the working tree, whose hashes are recorded, is the last commit.

    Raises:
        InputError: a tracked file has changed.
    """
    done = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True
    )
    if changed := done.stdout.splitlines():
        raise InputError(f"{changed[0][3:]}: changed; commit first: the last commit is measured")


def older() -> dict[str, list[str]]:
    """Return the outdated documents, each with what has changed since."""
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
        content = getattr(whole.load(), section).model_dump_json().encode()
    else:
        content = Path(path).read_bytes() if Path(path).exists() else b""
    return hashlib.md5(content).hexdigest()


def main() -> int:
    found = older()
    for document, names in found.items():
        print(f"{document} is older than {', '.join(names)}")
    return 1 if found else 0


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
