"""Put the models of a tag into a folder: `python -m fashion_mnist.promoted models@v0.0.1 FOLDER`.

They come from DVC's cache or remote, without a change of the working tree: all that the pipeline
had in models/, but for the Keras files, which the service does not read. `make serve TAG=...` uses
it.
"""

import argparse
import shutil
from pathlib import Path

from dvc.api import DVCFileSystem

from fashion_mnist import command, files
from fashion_mnist.errors import InputError
from fashion_mnist.inference.model_card import PROMOTION
from fashion_mnist.report import dvc_lock
from fashion_mnist.report.revisions import find

MODELS = "models/"


def main(tag: str, folder: Path) -> None:
    _check_replaceable(folder)
    revision = find(tag)
    lock = dvc_lock.read(revision)
    paths = [
        path
        for path in dvc_lock.output_paths(lock)
        if path.startswith(MODELS) and not path.endswith(".keras")
    ]
    if not paths:
        raise InputError(
            f"{tag}: its dvc.lock has no models; expected the tag of a promoted commit"
        )
    partial = folder.with_name(f".partial-{folder.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    committed = DVCFileSystem(".", rev=revision.commit)
    try:
        for path in paths:
            committed.get(path, str(partial / path.removeprefix(MODELS)), recursive=True)
    except FileNotFoundError:
        raise InputError(
            f"{tag}: {path} is neither in DVC's cache nor in its remote; `git checkout {tag}` and "
            "`make` bring it"
        ) from None
    files.write_json(partial / PROMOTION, {"tag": tag, "commit": revision.commit})
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def _check_replaceable(folder: Path) -> None:
    is_own = folder.is_dir() and ((folder / PROMOTION).exists() or not any(folder.iterdir()))
    if folder.exists() and not is_own:
        raise InputError(f"{folder}: exists already and holds no promoted models; choose another")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("tag", help="or another revision")
    parser.add_argument(
        "folder", type=Path, help="of models promoted before, which they replace, or a new one"
    )
    return parser


if __name__ == "__main__":
    command.run(main, parser())
