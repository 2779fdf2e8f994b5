"""A photograph as an ImageNet network reads it: in colour, whole, padded to a square."""

from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from fashion_mnist.dataset import picture_file
from fashion_mnist.dataset.spec import Spec

MAX_SIDE = 2800  # pixels of an enlarged image of a dataset
SCALE = 10  # of an enlarged image of a dataset, at most, before it is compared
SAME = 4.0  # levels of 255, root mean square; an image saved as a good JPEG differs by less


def pixels(source: Path | BinaryIO, name: str, side: int) -> np.ndarray:
    """Return a photograph as uint8 (side, side, 3), padded with the median colour of its border.

    Args:
        source: a file that `picture_file.decode` takes.
        name: of the photograph, for errors.
        side: of the square, in pixels.

    Raises:
        InputError: the photograph can't be decoded.
    """
    image = picture_file.decode(source, name, side)
    scale = side / max(image.size)
    if scale > 1:
        size = [max(1, round(length * scale)) for length in image.size]
        image = image.resize((size[0], size[1]), Image.Resampling.BICUBIC)
    colours = np.asarray(image)
    border = np.concatenate([colours[0], colours[-1], colours[1:-1, 0], colours[1:-1, -1]])
    height, width = colours.shape[:2]
    top, left = (side - height) // 2, (side - width) // 2
    square = np.empty((side, side, 3), np.uint8)
    square[:] = np.median(border, axis=0)
    square[top : top + height, left : left + width] = colours
    return square


def is_dataset_image(source: Path | BinaryIO, name: str, spec: Spec) -> bool:
    """Return whether a picture is an image of a grey dataset, as it is or enlarged.

    Such a picture is square, grey, and as good as made of spec.side x spec.side blocks.

    Raises:
        InputError: the picture can't be decoded.
    """
    width, height = picture_file.size(source, name)
    if spec.channels > 1 or width != height or not spec.side <= width <= MAX_SIDE:
        return False
    image = picture_file.decode(source, name, SCALE * spec.side)
    colours = np.asarray(image, np.float32)
    if np.ptp(colours, axis=2).mean() > SAME:
        return False
    small = image.convert("L").resize((spec.side, spec.side), Image.Resampling.BOX)
    blocks = np.asarray(small.resize(image.size, Image.Resampling.NEAREST), np.float32)
    return bool(np.sqrt(np.mean((blocks - colours.mean(axis=2)) ** 2)) < SAME)
