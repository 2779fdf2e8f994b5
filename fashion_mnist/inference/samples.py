"""Pictures to try a model with: an image of each class, as a picture that people would bring."""

from pathlib import Path

import numpy as np
from PIL import Image

from fashion_mnist.dataset.splits import Split, one_of_each_class, to_pixels
from fashion_mnist.files import atomic

SIDE = 280  # pixels, about


def write(folder: Path, split: Split) -> None:
    """Write the first image of each class that `split` has, as folder/LABEL.png.

    What was cut out becomes dark on a light background again, and the models read it back as it
    was.
    """
    shown = split.take(one_of_each_class(split.labels))
    scale = max(1, SIDE // split.spec.side)
    for pixels, label in zip(to_pixels(shown.images), shown.labels, strict=True):
        paper = 255 - pixels if split.spec.cut_out else pixels
        enlarged = np.repeat(np.repeat(paper, scale, axis=0), scale, axis=1)
        with atomic(folder / f"{label}.png") as partial:
            Image.fromarray(enlarged).save(partial, "PNG", optimize=True)


def read(folder: Path) -> dict[int, bytes]:
    """Return the PNG of each label that has one."""
    return {int(path.stem): path.read_bytes() for path in sorted(folder.glob("[0-9]*.png"))}
