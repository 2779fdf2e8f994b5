"""Teach classes of your own: `python -m fashion_mnist.teach FOLDER --output mine`.

FOLDER has a folder of pictures for each class, ten or more of each. What they teach is a head, a
small file: `--head mine` makes predict and the service answer with it. Every picture is also
answered by a head that did not learn from it. That accuracy, the confusion, and the pictures that
look mislabelled or doubled are printed and go to the output folder.

A picture that can't be used is one line on stderr; the others are used all the same, and the exit
status is 1. Features are kept in the output folder: a later run computes only those of new
pictures.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from fashion_mnist import command, files, progress, tables
from fashion_mnist.dataset import folder as folders
from fashion_mnist.errors import InputError
from fashion_mnist.evaluation import metrics, photograph_plots, plots
from fashion_mnist.inference.answers import PHOTOGRAPHS
from fashion_mnist.inference.head import FILE
from fashion_mnist.inference.photograph_model import PhotographModel
from fashion_mnist.teaching import curve, doubles, features, fit, suspects
from fashion_mnist.teaching.fit import Examples

MODEL = Path("models") / PHOTOGRAPHS
CACHE, TABLE = "features.sqlite", "pictures.csv"
MOST_CLASSES = 1000  # a head of more has hundreds of megabytes
LEAST = 2  # pictures of a class: one to learn from and one to check
SHOWN = 10  # lines of a kind, on the screen
MOST_DRAWN = 40  # classes of a confusion matrix that can still be read


class Lesson(NamedTuple):
    """Pictures to learn from: their paths, examples and class names."""

    paths: list[Path]
    examples: Examples
    class_names: list[str]


def main(folder: Path, output: Path, item: str) -> int:
    if not item:
        raise InputError("--item: '' found, expected what a picture shows")
    _check_output(output, folder)
    model = PhotographModel(MODEL)
    complaints: list[str] = []
    lesson, pairs = _read(folder, output / CACHE, model, complaints)
    progress.say(f"teach: {len(lesson.paths):,} pictures of {len(lesson.class_names)} classes")
    settings = model.info.train
    checked = fit.cross_validate(lesson.examples, len(lesson.class_names), settings)
    head = fit.fit(
        lesson.examples,
        lesson.class_names,
        checked,
        settings,
        item=item,
        other=None,
        backbone=model.backbone,
    )
    table = metrics.predictions(checked.probabilities, lesson.examples.labels, lesson.class_names)
    points = curve.learning_curve(lesson.examples, len(lesson.class_names), checked, settings)
    mislabelled = suspects.mislabelled(checked.probabilities, lesson.examples.labels)

    summary = metrics.summarize(table) | metrics.decisions(table, head.info.sure_from)
    _print_summary(table, summary, head.info.sure_from, points)
    _print_some("looks mislabelled", [_as_line(lesson, table, at) for at in mislabelled])
    _print_some("looks doubled", [f"{lesson.paths[a]} = {lesson.paths[b]}" for a, b in pairs])

    head.save(output / FILE)
    files.write_json(
        output / "metrics.json",
        {
            **summary,
            "classes": metrics.by_class(table),
            "learning_curve": {point.pictures: point.accuracy for point in points},
        },
    )
    tables.write(output / TABLE, _table(lesson, table, mislabelled, pairs))
    _draw_confusion(output / "confusion.png", table, lesson.class_names)
    photograph_plots.learning_curve(output / "learning_curve.png", points)
    print(
        f"{output / FILE}: written; `python -m fashion_mnist.predict --head "
        f"{shlex.quote(str(output))} PICTURE`"
    )
    for complaint in complaints:
        print(f"error: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


def _check_output(output: Path, folder: Path) -> None:
    if folder.resolve() in (output.resolve(), *output.resolve().parents):
        raise InputError(f"{output}: inside {folder}, where it would be a class; choose another")
    is_own = output.is_dir() and ((output / CACHE).exists() or not any(output.iterdir()))
    if output.exists() and not is_own:
        raise InputError(f"{output}: exists already and is no output of teach; choose another name")


def _read(
    folder: Path, cache: Path, model: PhotographModel, complaints: list[str]
) -> tuple[Lesson, np.ndarray]:
    """Return what can be learned from, and the pairs that look alike; note what is left out."""
    class_names = folders.classes(folder)
    if len(class_names) > MOST_CLASSES:
        raise InputError(
            f"{folder}: {len(class_names):,} classes found, expected at most {MOST_CLASSES:,}"
        )
    paths, labels = [], []
    for label, name in enumerate(class_names):
        found = folders.pictures_below(folder / name)
        paths += found
        labels += [label] * len(found)
    read = features.read(paths, model, cache)
    complaints += read.complaints
    kept = np.ones(len(read.positions), bool)
    of_read = np.array(labels)[read.positions] if len(read.positions) else np.array([], int)
    contradicting = doubles.contradictions(read.sha256, of_read) if len(of_read) else of_read
    for at in contradicting:
        path = paths[read.positions[at]]
        complaints.append(f"{path}: the same picture is in another class; left out")
    kept[contradicting] = False
    kept[doubles.repeated(read.sha256)] = False
    counts = np.bincount(of_read[kept], minlength=len(class_names))
    for name, count in zip(class_names, counts, strict=True):
        if count < LEAST:
            complaints.append(
                f"{folder / name}: {count} different pictures found, expected at least {LEAST}; "
                "this class is left out"
            )
    large = np.flatnonzero(counts >= LEAST)
    if len(large) < 2:
        for complaint in complaints:
            print(f"error: {complaint}", file=sys.stderr)
        raise InputError(
            f"{folder}: {len(large)} of {len(class_names)} classes can be taught, expected two"
        )
    kept &= np.isin(of_read, large)
    used = read.features[kept]
    pairs = doubles.look_alikes(used, read.thumbnails[kept])
    return (
        Lesson(
            [paths[at] for at in read.positions[kept]],
            Examples(
                used,
                np.searchsorted(large, of_read[kept]),
                doubles.together(pairs, len(used)),
            ),
            [class_names[label] for label in large],
        ),
        pairs,
    )


def _print_summary(
    table: pd.DataFrame,
    summary: dict[str, float],
    sure_from: float,
    points: Sequence[curve.Point],
) -> None:
    right = int(metrics.is_right(table).sum())
    low, high = summary["accuracy_low"], summary["accuracy_high"]
    print(
        f"{right:,} of {len(table):,} pictures right when left out: {summary['accuracy']:.1%} "
        f"(95 % interval {low:.1%} to {high:.1%})"
    )
    print(
        f"{summary['sure_share']:.0%} of the answers are sure (from {sure_from:.0%} on), "
        f"{summary['sure_accuracy']:.1%} of them right"
    )
    classes = list(metrics.by_class(table).items())
    if len(classes) > MOST_DRAWN:
        classes = sorted(classes, key=lambda item: item[1]["recall"])[:SHOWN]
        print(f"the {SHOWN} poorest classes:")
    width = max(len(name) for name, _ in classes)
    for name, of_class in classes:
        print(f"  {name:<{width}}  {of_class['recall']:6.1%} of {of_class['support']:,}")
    expected = curve.with_twice_as_many(points)
    if expected is not None:
        print(f"twice as many pictures would bring about {expected:.0%}")


def _draw_confusion(path: Path, table: pd.DataFrame, class_names: list[str]) -> None:
    counts = metrics.confusion(table)
    title = f"{len(table):,} pictures, each left out when it is asked about"
    if len(class_names) > MOST_DRAWN:
        wrong = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
        shown = np.sort(np.argsort(-wrong, kind="stable")[:MOST_DRAWN])
        counts, class_names = counts[np.ix_(shown, shown)], [class_names[at] for at in shown]
        title = f"The {MOST_DRAWN} classes with the most mistakes"
    plots.confusion(path, counts, class_names, title)


def _print_some(title: str, lines: list[str]) -> None:
    for line in lines[:SHOWN]:
        print(f"{title}: {line}")
    if len(lines) > SHOWN:
        print(f"{title}: {len(lines) - SHOWN} more, in {TABLE}")


def _as_line(lesson: Lesson, table: pd.DataFrame, position: int) -> str:
    row = table.iloc[position]
    return f"{lesson.paths[position]}: perhaps {row['predicted']} ({row['probability']:.0%})"


def _table(
    lesson: Lesson, table: pd.DataFrame, mislabelled: np.ndarray, pairs: np.ndarray
) -> pd.DataFrame:
    twin = {int(b): str(lesson.paths[a]) for a, b in pairs}
    return metrics.rounded(table).assign(
        file=[str(path) for path in lesson.paths],
        mislabelled=np.isin(np.arange(len(table)), mislabelled),
        doubles=[twin.get(at, "") for at in range(len(table))],
    )


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("folder", type=Path, help="with a folder of pictures for each class")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="of the head and its figures"
    )
    parser.add_argument("--item", default="item", help="what a picture shows: shoe")
    return parser


if __name__ == "__main__":
    command.run(main, parser())
