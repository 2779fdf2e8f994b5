"""Describe a dataset in datasets/NAME.yaml: `python -m fashion_mnist.describe FOLDER --name shoes`.

FOLDER has a folder of pictures for each class, or the four IDX files of MNIST's kind. What is
broken, what is doubled and which classes are small is printed. Described again, after pictures were
added or removed, the file gets only its new classes, counts and SHA-256.
"""

import argparse
import contextlib
import hashlib
from collections import Counter
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from ruamel.yaml import YAML

from fashion_mnist import command, files
from fashion_mnist.dataset import folder as folders
from fashion_mnist.dataset import hold_out, idx, picture_file, pictures
from fashion_mnist.dataset.spec import Spec
from fashion_mnist.dataset.splits import Split
from fashion_mnist.errors import InputError
from fashion_mnist.params import section
from fashion_mnist.params.dataset import FOLDER, Dataset, DatasetName
from fashion_mnist.params.mlp import MLP
from fashion_mnist.params.train import Train

SIDE = 64  # pixels, of the images that are made from larger pictures
LOOKED_AT = 256  # pixels: enough to tell whether a picture is in colour
# The first that leaves a picture of each class on both sides is taken.
TEST_SIZES, VALIDATION_SIZES = (0.15, 0.25, 0.5), (0.1, 0.2, 0.5)
CONTRADICTIONS_SHOWN = 10
KEPT = ("test_size", "seed")  # what a user may have changed
STEPS = 2000  # of a training that the printed settings give
TEMPLATE = """# What each key means: fashion_mnist/dataset/spec.py, fashion_mnist/params/dataset.py.
title:
# What an image shows, for "What is this ...?"
item:
classes:
side:  # pixels, of the square images that the models see
channels:  # 1 is grey, 3 is colour
# Whether a mirrored image belongs to the same class, so that trainings may flip it.
mirror_keeps_class:
# True: a picture's background becomes 0 and its item bright. False: a picture is only shrunk.
cut_out:

sources:
"""


def main(
    folder: Path, name: str, item: str | None, side: int | None, groups: str | None, use: bool
) -> None:
    section.check(DatasetName, {"name": name}, path=FOLDER)
    path = FOLDER / f"{name}.yaml"
    yaml = YAML()
    yaml.width = 1000
    content = yaml.load(path) if path.exists() else None
    if content and folder.as_posix() not in content.get("sources", []):
        raise InputError(f"{path}: exists and has other sources; choose another --name")
    for key, value in (("item", item), ("side", side)):
        if content and value not in (None, content.get(key)):
            raise InputError(
                f"{path}: {key} = {content.get(key)!r} found, and --{key} {value} would not change "
                "it; edit the file"
            )
    if any((folder / file).exists() for file in (*idx.TRAIN, *idx.TEST)):
        spec, found, settings = _describe_idx(folder)
    else:
        known = content.get("pictures", {}) if content else {}
        spec, found, settings = _describe_pictures(folder, side, groups or known.get("groups"))
    if content is None:
        content = yaml.load(TEMPLATE)
        content.update(spec.model_dump(exclude={"margin"}))
        content.update(title=name, item=item or "item", sources=[folder.as_posix()])
    if "idx" not in found or len(content["classes"]) != len(spec.classes):
        content["classes"] = spec.classes  # those of IDX files may have been named
    for kind, values in found.items():
        known = content.setdefault(kind, {})
        known.update(
            {key: value for key, value in values.items() if key not in known or key not in KEPT}
        )
    section.check(Dataset, content, path=path)
    with files.atomic(path) as partial:
        yaml.dump(content, partial)
    print(f"{path}: written; its title, item and looks are yours to change")
    settings = {"dataset.name": name, **settings}
    if use:
        _change_params(settings)
        print(f"{section.PATH}: {', '.join(f'{key} = {value}' for key, value in settings.items())}")
    else:
        print("dvc exp run", *(f"-S {key}={value}" for key, value in settings.items()))


def _describe_idx(folder: Path) -> tuple[Spec, dict[str, Any], dict[str, Any]]:
    """Return what the images are, the entry `idx`, and the settings that suit them."""
    sha256 = {}
    for name in (*idx.TRAIN, *idx.TEST):
        content = idx.decompress(folder / name)
        sha256[name] = hashlib.sha256(content).hexdigest()
    labels = idx.read(folder / idx.TRAIN[1], 1)
    _, side, _ = idx.read(folder / idx.TRAIN[0], 3).shape
    spec = _spec(folder, [str(label) for label in range(int(labels.max()) + 1)], side, 1, True)
    train, test = (idx.read_split(folder, names, spec) for names in (idx.TRAIN, idx.TEST))
    print(f"{len(train.labels):,} training and {len(test.labels):,} test images of {side} pixels")
    _print_counts(spec.classes, train.labels)
    label_of = {
        image.tobytes(): label for image, label in zip(train.images, train.labels, strict=True)
    }
    doubled = [
        label_of[image.tobytes()] == label
        for image, label in zip(test.images, test.labels, strict=True)
        if image.tobytes() in label_of
    ]
    print(
        f"{len(doubled)} test images are training images, too, "
        f"{doubled.count(False)} of them with another label"
    )
    counts = {"train_images": len(train.labels), "test_images": len(test.labels)}
    return spec, {"idx": {**counts, "sha256": sha256}}, {}


def _spec(folder: Path, class_names: list[str], side: int, channels: int, cut_out: bool) -> Spec:
    """Return what the images are, as far as the files tell.

    Raises:
        InputError: such images are not supported.
    """
    looks = {"classes": class_names, "side": side, "channels": channels, "cut_out": cut_out}
    # What is cut out may be writing, which no mirror image is.
    others = {"title": folder.name or "x", "item": "item", "mirror_keeps_class": not cut_out}
    return section.check(Spec, {**looks, **others}, path=folder)


def _describe_pictures(
    folder: Path, side: int | None, groups: str | None
) -> tuple[Spec, dict[str, Any], dict[str, Any]]:
    """Return what the images are, the entry `pictures`, and the settings that suit them."""
    class_names = folders.classes(folder)
    found = folders.labelled_files(folder, class_names)
    sizes: Counter[tuple[int, int]] = Counter()
    is_colour, broken = False, []
    for path, _ in found:
        try:
            pixels = np.asarray(picture_file.decode(path, str(path), LOOKED_AT))
        except InputError as error:
            broken.append(str(error))
            continue
        is_colour |= bool(np.ptp(pixels, axis=2).any())
        with Image.open(path) as image:
            sizes[image.size] += 1
    if broken:
        raise InputError(
            f"{len(broken)} of {len(found)} pictures can't be read; repair or remove them: "
            + "; ".join(broken)
        )
    (size, most), *_ = sizes.most_common(1)
    if side is None:
        side = max(size) if most == len(found) and size[0] == size[1] <= 96 else SIDE
    spec = _spec(folder, class_names, side, 3 if is_colour else 1, False)
    widths, heights = zip(*sizes.elements(), strict=True)
    print(
        f"{len(found):,} pictures, {min(widths)} to {max(widths)} pixels wide, {min(heights)} to "
        f"{max(heights)} high, {'grey' if spec.channels == 1 else 'in colour'}"
    )
    split, together = pictures.read(folder, spec, groups)
    _print_counts(class_names, split.labels)
    _print_copies(split, pictures.copies(split.images), [path for path, _ in found])
    if groups:
        print(f"{len(set(together)):,} groups of pictures stay together")
    test_size, kept = _share(split, together, TEST_SIZES)
    validation_size, _ = _share(split.take(kept), together[kept], VALIDATION_SIZES)
    everything = folders.all_files(folder, class_names, groups)
    described = {
        "count": len(found),
        "sha256": folders.digest(folder, everything),
        "test_size": test_size,
        "seed": 0,
    }
    train_size = len(split.labels) * (1 - test_size) * (1 - validation_size)
    settings = {"normalize.validation_size": validation_size, **_settings(train_size)}
    return spec, {"pictures": described | ({"groups": groups} if groups else {})}, settings


def _share(split: Split, groups: np.ndarray, sizes: tuple[float, ...]) -> tuple[float, np.ndarray]:
    """Return the first share that can be held out, and the positions of the others.

    Raises:
        InputError: a class is too small for all of them.
    """
    for size in sizes[:-1]:
        with contextlib.suppress(InputError):
            return size, hold_out.share(split, groups, size, 0)[0]
    return sizes[-1], hold_out.share(split, groups, sizes[-1], 0)[0]


def _print_counts(class_names: list[str], labels: np.ndarray) -> None:
    counts = np.bincount(labels, minlength=len(class_names))
    width = max(map(len, class_names))
    for name, count in zip(class_names, counts, strict=True):
        print(f"  {name:<{width}} {count:>7,}")


def _print_copies(split: Split, copies: np.ndarray, paths: list[Path]) -> None:
    members: dict[int, list[int]] = {}
    for position, group in enumerate(copies):
        members.setdefault(group, []).append(position)
    doubled = [group for group in members.values() if len(group) > 1]
    print(f"{sum(map(len, doubled))} pictures are copies of others; copies stay together")
    contradictions = [group for group in doubled if len(set(split.labels[group])) > 1]
    for group in contradictions[:CONTRADICTIONS_SHOWN]:
        print(f"  in several classes: {', '.join(str(paths[at]) for at in group)}")
    if contradictions:
        print(f"  {len(contradictions)} copies contradict their labels; keep one of each")


def _settings(count: float) -> dict[str, Any]:
    """Return the settings that suit a number of training images."""
    batch_size = int(np.clip(2 ** int(np.log2(max(count / 50, 1))), 16, 256))
    epochs = int(np.clip(ceil(STEPS * batch_size / count), 6, 60))
    # A step on fewer images is noisier, so it is smaller; Muon's steps are of one length anyway.
    rate = MLP.load().learning_rate * batch_size / Train.load().batch_size
    return {
        "train.batch_size": batch_size,
        "train.epochs": epochs,
        "mlp.learning_rate": float(f"{rate:.1g}"),
    }


def _change_params(settings: dict[str, Any]) -> None:
    yaml = YAML()
    yaml.width = 1000
    content = yaml.load(section.PATH)
    for setting, value in settings.items():
        name, key = setting.split(".")
        content[name][key] = value
    with files.atomic(section.PATH) as partial:
        yaml.dump(content, partial)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--name", required=True, help="of the file in datasets/")
    parser.add_argument("--item", help="what an image shows: shoe")
    parser.add_argument(
        "--side", type=int, help=f"of the images, in pixels; default: {SIDE} for large pictures"
    )
    parser.add_argument(
        "--groups",
        metavar="CSV",
        help="a file in FOLDER, with columns file and group: what stays on one side of a split",
    )
    parser.add_argument(
        "--use", action="store_true", help="write the settings that suit it into params.yaml"
    )
    return parser


if __name__ == "__main__":
    command.run(main, parser())
