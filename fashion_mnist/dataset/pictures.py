"""A folder of pictures as a dataset: one folder for each class, and what belongs together."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import radius_neighbors_graph

from fashion_mnist import progress
from fashion_mnist.dataset import picture
from fashion_mnist.dataset.folder import labelled_files
from fashion_mnist.dataset.spec import Spec
from fashion_mnist.dataset.splits import Split, to_pixels
from fashion_mnist.errors import InputError

# Of two pictures as THUMBNAIL x THUMBNAIL grey pixels: below this root mean square of their
# differences they are copies. Saving a picture again, smaller or as a poorer JPEG, stays below it.
COPY = 2.0  # levels of 255
THUMBNAIL = 16


def read(folder: Path, spec: Spec, groups: str | None) -> tuple[Split, np.ndarray]:
    """Read pictures, with their labels, as `predict` will read those that it classifies.

    Args:
        folder: with a folder for each class.
        spec: what the images are.
        groups: the name of a CSV file in the folder, as `read_groups` takes it, or None.

    Returns:
        The pictures in the order of `labelled_files`, and which belong together, int (n,): copies,
        and those of one group.

    Raises:
        InputError: a picture can't be read.
    """
    found = labelled_files(folder, spec.classes)
    paths = [path for path, _ in found]
    with progress.bar(desc="pictures", total=len(paths)) as bar:
        pixels = []
        for path in paths:
            pixels.append(picture.pixels(path, str(path), spec))
            bar.update()
    images = np.stack(pixels).reshape(-1, *spec.image_shape) / np.float32(255)
    together = copies(images)
    if groups is not None:
        together = join(together, read_groups(folder / groups, folder, paths))
    return Split(images, np.array([label for _, label in found], np.uint8), spec), together


def copies(images: np.ndarray) -> np.ndarray:
    """Find the pictures that are copies of each other.

    Args:
        images: float32 (n, side, side, channels) in [0, 1].

    Returns:
        int (n,): copies, and copies of copies, have the same number.
    """
    thumbnails = np.stack([_thumbnail(pixels) for pixels in to_pixels(images)])
    near = radius_neighbors_graph(thumbnails, COPY * THUMBNAIL, include_self=True)
    return connected_components(near, directed=False)[1]


def _thumbnail(pixels: np.ndarray) -> np.ndarray:
    """Return an image's pixels, uint8, as float32 (THUMBNAIL * THUMBNAIL,) grey levels."""
    grey = Image.fromarray(pixels).convert("L")
    small = grey.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    return np.asarray(small, np.float32).ravel()


def read_groups(path: Path, folder: Path, paths: list[Path]) -> np.ndarray:
    """Read which group each picture belongs to, from a CSV file with columns file and group.

    Args:
        path: the CSV file.
        folder: what `file` is relative to.
        paths: the pictures, below the folder.

    Returns:
        int (n,): pictures of one group have the same number; a picture without a row is alone.

    Raises:
        InputError: the file is missing, lacks a column or names a picture that is not there.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        raise InputError(f"{path}: not found") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a CSV table ({error})") from None
    if not rows or not {"file", "group"} <= rows[0].keys():
        raise InputError(f"{path}: expected rows with the columns file and group")
    group_of = {row["file"]: row["group"] for row in rows}
    names = [file.relative_to(folder).as_posix() for file in paths]
    if unknown := sorted(group_of.keys() - set(names)):
        raise InputError(f"{path}: {unknown[0]}: no such picture in {folder}")
    keys = [("group", group_of[name]) if name in group_of else ("alone", name) for name in names]
    return np.unique(keys, axis=0, return_inverse=True)[1].ravel()


def join(*groupings: np.ndarray) -> np.ndarray:
    """Return groups, int (n,), that join what any of several groupings, int (n,), puts together."""
    count = len(groupings[0])
    first_members = []
    for groups in groupings:
        _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
        first_members.append(first[inverse])
    rows = np.tile(np.arange(count), len(groupings))
    links = (rows, np.concatenate(first_members))
    graph = coo_array((np.ones(len(rows), bool), links), (count, count))
    return connected_components(graph, directed=False)[1]
