"""Classify pictures: `python -m fashion_mnist.predict photo.jpg more/*.png folder`.

A picture that can't be read is one line on stderr. The others are classified all the same, and the
exit status is 1. Photographs get the answer of the model of photographs (docs/photographs.md),
images of the dataset that of the CNN. --explain shows how the CNN would read a picture. Answers are
written as they come; `python -m fashion_mnist.tag` goes on where it was interrupted.
"""

import argparse
import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from fashion_mnist import command, progress
from fashion_mnist.dataset import picture
from fashion_mnist.dataset.folder import SUFFIXES, pictures_below
from fashion_mnist.dataset.picture_file import MAX_BYTES
from fashion_mnist.errors import InputError, printable
from fashion_mnist.inference import answers
from fashion_mnist.inference.answers import Models
from fashion_mnist.inference.onnx_model import OnnxModel
from fashion_mnist.inference.photograph_model import BATCH_SIZE

MODELS = Path("models")
CNN = MODELS / answers.IMAGES
COLUMNS = ("file", "class", "probability", "sure", "known", "reason", "model")  # of --csv
Source = tuple[str, Path | BinaryIO]  # the name of a picture, and where to read it


def main(
    pictures: list[str],
    top: int,
    as_json: bool,
    as_csv: bool,
    explanation: Path | None,
    test_images: list[int],
    plot: Path | None,
    model_path: Path | None,
    head: Path | None,
) -> int:
    if not pictures and not test_images and sys.stdin.isatty():
        raise InputError("no pictures given; expected files, folders, or one picture on stdin")
    if head and model_path:
        raise InputError("--head and --model: expected one of them")
    if test_images and (pictures or head or explanation or as_json or as_csv):
        others = "pictures, --head, --explain, --json and --csv"
        raise InputError(f"--test-image: expected without {others}")
    if plot and not test_images:
        raise InputError("--plot: expected with --test-image; --explain draws one picture")
    if as_csv and top > 1:
        raise InputError("--csv: expected without --top; --json has the other classes")
    if test_images:
        _show_test_images(OnnxModel(model_path or CNN), test_images, plot)
        return 0
    models = Models.load_one(model_path) if model_path else Models.load(MODELS, head)
    complaints = 0

    def complain(about: object) -> None:
        nonlocal complaints
        complaints += 1
        progress.write(f"error: {printable(str(about))}")

    sources = list(_find_pictures(pictures or ["-"], complain))
    if explanation:
        _check_explanation(explanation, sources)
    if as_csv:
        rows = csv.DictWriter(sys.stdout, COLUMNS, extrasaction="ignore", lineterminator="\n")
        rows.writeheader()
    width = max((len(printable(name)) for name, _ in sources), default=0)
    for prediction in _classify(models, sources, top, complain):
        if as_json:
            print(json.dumps(prediction), flush=True)
        elif as_csv:
            rows.writerow(prediction)
            sys.stdout.flush()
        else:
            name = f"{printable(prediction['file']):<{width}}"
            print(f"{name}  {answers.in_words(prediction, models.item)}")
    if explanation and not complaints:
        _explain(models.images or OnnxModel(CNN), *sources[0], explanation)
    return 1 if complaints else 0


def _find_pictures(arguments: list[str], complain: Callable[[object], None]) -> Iterator[Source]:
    """Yield the name and the place of each picture; folders are searched."""
    for argument in arguments:
        path = Path(argument)
        if argument == "-":
            yield "stdin", io.BytesIO(sys.stdin.buffer.read(MAX_BYTES + 1))
        elif argument == "":
            complain("'': no picture; expected a file, a folder, or - for stdin")
        else:
            try:
                found = pictures_below(path) if path.is_dir() else None
            except InputError as error:
                complain(error)
                continue
            except OSError as error:  # a name that is too long
                complain(f"{argument}: {error.strerror}")
                continue
            if found is None:
                yield argument, path
            elif not found:
                complain(f"{path}: no pictures found, expected {', '.join(SUFFIXES)}")
            else:
                yield from ((str(file), file) for file in found)


def _classify(
    models: Models, sources: list[Source], top: int, complain: Callable[[object], None]
) -> Iterator[dict[str, Any]]:
    """Yield the prediction of each picture, in batches; complain about those that can't be read."""
    # A terminal that shows the answers needs no bar among them.
    shows_answers = sys.stdout.isatty() or len(sources) <= BATCH_SIZE
    with progress.bar(shows_answers, total=len(sources), unit=" pictures") as bar:
        for start in range(0, len(sources), BATCH_SIZE):
            batch = sources[start : start + BATCH_SIZE]
            names, prepared = [], []
            for name, source in batch:
                try:
                    prepared.append(models.prepare(source, name))
                    names.append(name)
                except InputError as error:
                    complain(error)
            for name, verdict in zip(names, models.answer(prepared, top), strict=True):
                yield {"file": name, **verdict}
            bar.update(len(batch))


def _check_explanation(path: Path, sources: list[Source]) -> None:
    if len(sources) != 1:
        raise InputError(f"--explain: {len(sources)} pictures found, expected one")
    if path.exists():
        raise InputError(f"--explain {path}: exists already; choose another name")
    if path.suffix.lower() != ".png":
        raise InputError(f"--explain {path}: expected a name that ends in .png")


def _show_test_images(model: OnnxModel, positions: list[int], plot: Path | None) -> None:
    from fashion_mnist import test_images  # matplotlib takes longer than all the rest

    test_images.show(model, positions, plot)


def _explain(model: OnnxModel, name: str, source: Path | BinaryIO, path: Path) -> None:
    try:
        from fashion_mnist.evaluation import plots  # matplotlib takes longer than all the rest
    except ModuleNotFoundError as error:  # an environment with the packages of the service alone
        raise InputError(f"--explain: the package {error.name} is missing; install it") from None
    if isinstance(source, io.BytesIO):
        source.seek(0)
    steps = picture.steps(source, name, model.spec)
    probabilities = model(steps[-1].pixels[None]).probabilities[0]
    plots.explanation(path, steps, model.verdict(probabilities, top=5)["top"])


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("pictures", nargs="*", help="files, folders, - for stdin; default: stdin")
    parser.add_argument(
        "--top",
        type=command.count,
        default=1,
        metavar="N",
        help="how many classes, the most probable first",
    )
    formats = parser.add_mutually_exclusive_group()
    formats.add_argument(
        "--json", action="store_true", dest="as_json", help="JSON lines: an object per picture"
    )
    formats.add_argument(
        "--csv", action="store_true", dest="as_csv", help=f"CSV: {', '.join(COLUMNS)}"
    )
    parser.add_argument(
        "--explain",
        type=Path,
        dest="explanation",
        metavar="PNG",
        help="draw how one picture is read, into a new file",
    )
    parser.add_argument(
        "--test-image",
        type=int,
        nargs="+",
        default=[],
        dest="test_images",
        metavar="N",
        help="show the answers for these test images, counted from 0, beside their true classes",
    )
    parser.add_argument(
        "--plot", type=Path, metavar="PNG", help="with --test-image: draw them into a new file"
    )
    parser.add_argument(
        "--model",
        type=Path,
        dest="model_path",
        metavar="ONNX",
        help="the only model to ask; default: the one in models/ that suits the picture",
    )
    parser.add_argument(
        "--head", type=Path, metavar="FOLDER", help="what `python -m fashion_mnist.teach` wrote"
    )
    return parser


def run() -> None:
    """Run the command; the entry point of fashion-mnist-predict."""
    command.run(main, parser())


if __name__ == "__main__":
    run()
