"""Say what garments pictures show: `python -m fashion_mnist.predict photo.jpg more/*.png folder`.

A picture that can't be read is one line on stderr; the others are answered, and the exit status is
1. Photographs are none of the pictures that the network learned from: see docs/pictures.md.
"""

import argparse
import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from fashion_mnist import picture
from fashion_mnist.classifier import BATCH_SIZE, Classifier
from fashion_mnist.errors import InputError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fashion_mnist.predict", description=__doc__)
    parser.add_argument("pictures", nargs="*", help="files, folders, - for stdin")
    parser.add_argument("--top", type=int, default=1, choices=range(1, 11), metavar="1..10")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument(
        "--explain", type=Path, metavar="PNG", help="draw how one picture is read, into a new file"
    )
    parser.add_argument("--model", type=Path, default=Path("models/cnn.onnx"))
    options = parser.parse_args()
    if not options.pictures and sys.stdin.isatty():
        parser.error("expected pictures: files, folders, or one on stdin")

    classifier = Classifier(options.model)
    complaints: list[str] = []
    sources = list(_sources(options.pictures or ["-"], complaints))
    if options.explain and len(sources) != 1:
        raise InputError(f"--explain: {len(sources)} pictures found, expected one")
    if options.explain and options.explain.exists():
        raise InputError(f"--explain {options.explain}: exists already; choose another name")
    width = max((len(name) for name, _ in sources), default=0)
    predictions = []
    for start in range(0, len(sources), BATCH_SIZE):
        for prediction in _predict(
            classifier, sources[start : start + BATCH_SIZE], options.top, complaints
        ):
            if options.json:
                predictions.append(prediction)
            else:
                print(f"{prediction['file']:<{width}}  {_in_words(prediction)}")
    if options.json:
        print(json.dumps({"predictions": predictions}, indent=2))
    if options.explain and not complaints:
        _explain(classifier, *sources[0], options.explain)
    for complaint in complaints:
        print(f"error: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


def _sources(arguments: list[str], complaints: list[str]) -> Iterator[tuple[str, Path | BinaryIO]]:
    """Yield the name and the place of each picture; folders are searched."""
    for argument in arguments:
        path = Path(argument)
        if argument == "-":
            yield "stdin", io.BytesIO(sys.stdin.buffer.read())
        elif path.is_dir():
            found = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in SUFFIXES]
            if not found:
                complaints.append(f"{path}: no pictures found, expected {', '.join(SUFFIXES)}")
            yield from ((str(file), file) for file in found)
        else:
            yield argument, path


def _predict(
    classifier: Classifier,
    sources: list[tuple[str, Path | BinaryIO]],
    top: int,
    complaints: list[str],
) -> Iterator[dict[str, Any]]:
    names, images = [], []
    for name, source in sources:
        try:
            images.append(picture.pixels(source, name))
            names.append(name)
        except InputError as error:
            complaints.append(str(error))
    if images:
        for name, row in zip(names, classifier(np.stack(images)).probabilities, strict=True):
            yield {"file": name, **classifier.verdict(row, top)}


def _in_words(prediction: dict[str, Any]) -> str:
    classes = ", ".join(f"{row['class']} {row['probability']:.1%}" for row in prediction["top"])
    return classes if prediction["sure"] else f"not sure: {classes}"


def _explain(classifier: Classifier, name: str, source: Path | BinaryIO, path: Path) -> None:
    from fashion_mnist import figures  # matplotlib takes longer than all the rest

    if isinstance(source, io.BytesIO):
        source.seek(0)
    steps = picture.steps(source, name)
    probabilities = classifier(steps[-1].pixels[None]).probabilities[0]
    figures.explanation(path, steps, classifier.verdict(probabilities, 5)["top"])


if __name__ == "__main__":
    try:
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name may be no text
        status = main()
        sys.stdout.flush()
    except InputError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
    except BrokenPipeError:
        # Whoever read has enough; what is still buffered must not fail once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status)
