"""Files of pictures in folders: a folder for each class."""

import functools
import hashlib
import os
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from fashion_mnist import progress
from fashion_mnist.errors import InputError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")
# Of pictures that are not read.
OTHERS = (
    *(".avif", ".cr2", ".dng", ".heic", ".heif", ".ico", ".jfif", ".jp2", ".jpe", ".jxl", ".nef"),
    *(".psd", ".svg", ".tif", ".tiff"),
)


def pictures_below(folder: Path) -> list[Path]:
    """Return the picture files in a folder and its folders, sorted.

    Hidden files and folders are left out, and pipes and the like, which may never end. Pictures of
    other formats are left out, too; a line says how many. A folder that is not there has none.

    Raises:
        InputError: a folder can't be read.
    """

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise InputError(f"{error.filename}: {error.strerror}") from None

    found = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in names if not name.startswith(".")]
    files = sorted(file for file in found if file.is_file())
    say_left_out(folder, Counter(file.suffix.lower() for file in files))
    return [file for file in files if file.suffix.lower() in SUFFIXES]


def say_left_out(folder: str | Path, suffixes: Counter[str]) -> None:
    """Say how many files are pictures of a format that is not read; others are not meant to be."""
    others = {suffix: count for suffix, count in suffixes.items() if suffix in OTHERS}
    if others:
        _say_once(
            f"{folder}: pictures left out because of their format: {sum(others.values()):,} "
            f"({', '.join(sorted(others))}); expected {', '.join(SUFFIXES)}"
        )


@functools.cache  # because a command may look into a folder several times
def _say_once(line: str) -> None:
    progress.say(line)


def classes(folder: Path) -> list[str]:
    """Return the names of the folders of the classes, sorted; those of hidden folders are none.

    Raises:
        InputError: the folder is missing or has fewer than two folders.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: not a folder; expected one with a folder for each class")
    names = sorted(
        path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
    if len(names) < 2:
        raise InputError(
            f"{folder}: {len(names)} folders found, expected at least two, one for each class"
        )
    return names


def labelled_files(folder: Path, class_names: Sequence[str]) -> list[tuple[Path, int]]:
    """Return the pictures below the folders of the classes, each with its label.

    Their order is random, always the same: the first images, which plots show, are of all classes.

    Raises:
        InputError: a class has no pictures.
    """
    found = []
    for label, name in enumerate(class_names):
        paths = pictures_below(folder / name)
        if not paths:
            raise InputError(f"{folder / name}: no pictures found, expected {', '.join(SUFFIXES)}")
        found += [(path, label) for path in paths]
    random.Random(0).shuffle(found)
    return found


def all_files(folder: Path, class_names: Sequence[str], groups: str | None) -> list[Path]:
    """Return all files of the dataset: the pictures, and the CSV file of the groups.

    Raises:
        InputError: a class has no pictures, or the CSV file is missing.
    """
    found = [path for path, _ in labelled_files(folder, class_names)]
    if groups is not None:
        if not (folder / groups).is_file():
            raise InputError(f"{folder / groups}: not found")
        found.append(folder / groups)
    return found


def digest(folder: Path, paths: list[Path]) -> str:
    """Return the SHA-256 of files: of their contents and of their paths in the folder."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in sorted(paths)
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
