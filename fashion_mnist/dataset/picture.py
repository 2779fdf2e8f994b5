"""Any picture of a garment as 28x28 pixels like those of Fashion-MNIST.

Source: Xiao, Rasul, Vollgraf, arXiv 1708.07747, section 2: trim by the colour of the corners, bring
the longest edge to 28, sharpen, centre, negate, convert to grey. Unlike there, the background may
have any colour, a gradient and noise, and it becomes 0. A garment is negated only on a light
background. Sharpening grows with the scale of the shrinking, so enlarged images of the dataset
come back as they were.
"""

from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from fashion_mnist.dataset import picture_file
from fashion_mnist.dataset.spec import SIDE
from fashion_mnist.errors import InputError

WORKING_SIDE = 200  # pixels: enough to tell a garment from its background
# Without noise, a pixel within this many levels of the background (5 %, as in the paper) is part
# of it.
CLOSE = 13
NOISY = 3.0  # levels of the background's standard deviation from which a median filter helps
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


class Step(NamedTuple):
    """What a picture has become: pixels, uint8 (height, width) or (height, width, 3)."""

    name: str
    pixels: np.ndarray


def pixels(source: Path | BinaryIO, name: str) -> np.ndarray:
    """Return a picture as the models read it: uint8 (28, 28), background 0.

    Args:
        source: a file that `picture_file.decode` takes.
        name: of the picture, for errors.

    Raises:
        InputError: the picture can't be decoded, or shows only background.
    """
    return steps(source, name)[-1].pixels


def steps(source: Path | BinaryIO, name: str) -> list[Step]:
    """Return the steps from a picture to its `pixels`, for people to look at.

    Arguments and errors are those of `pixels`.
    """
    image = picture_file.decode(source, name, WORKING_SIDE)
    colours = np.asarray(image)
    grey = np.asarray(image.convert("L"))
    if grey.shape == (SIDE, SIDE) and _is_of_the_dataset(grey):
        return [Step("28x28", grey)]
    background, noise = _background(colours)
    # In a small picture every pixel counts, so there is no filter and no unmixing.
    is_large = max(image.size) > 2 * SIDE
    smooth = colours
    if is_large and noise > NOISY:
        # The filter only helps to find the garment; shrinking removes the garment's own noise.
        smooth = np.asarray(image.filter(ImageFilter.MedianFilter(5)))
        background, noise = _background(smooth)
    distance = np.abs(smooth - background).max(axis=2)
    is_garment = distance > max(CLOSE, 3 * noise)
    share = _share_of_garment(distance, is_garment) if is_large else is_garment
    # At its rim a garment is mixed with the background; that part is subtracted.
    of_background = (1 - share) * (background @ LUMA)
    is_light = background.mean(axis=(0, 1)) @ LUMA > 127
    values = 255 * share - grey + of_background if is_light else grey - of_background
    cut_out = np.where(is_garment, values.clip(0, 255), 0).astype(np.uint8)
    rows, columns = (np.flatnonzero((share > 0.25).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        raise InputError(
            f"{name}: nothing but background found; expected a garment on a plain background"
        )
    if cut_out.shape != (SIDE, SIDE):
        cut_out = cut_out[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    trimmed = _square(cut_out)
    return [
        Step("picture", colours),
        Step("cut out, negated" if is_light else "cut out", trimmed),
        Step("28x28", _shrink(trimmed)),
    ]


def _is_of_the_dataset(grey: np.ndarray) -> bool:
    """Return whether 28x28 pixels have a background of 0 already: more dark border than light."""
    border = _border(grey)
    return (border < CLOSE).sum() > max((border > 255 - CLOSE).sum(), len(border) / 10)


def _border(pixels: np.ndarray) -> np.ndarray:
    """Return the outermost pixels, (m, ...), of (height, width, ...)."""
    return np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])


def _spread(distances: np.ndarray) -> float:
    """Return the standard deviation of the noise behind distances, robust against outliers."""
    return 1.4826 * float(np.median(distances))


def _background(colours: np.ndarray) -> tuple[np.ndarray, float]:
    """Find the background from the border, which a garment may cover in part.

    Args:
        colours: uint8 (height, width, 3).

    Returns:
        The background of every pixel, float32 (height, width, 3), linear in the position, and the
        standard deviation of its noise, in levels.
    """
    height, width = colours.shape[:2]
    border = _border(colours).astype(np.float32)
    luma = (border @ LUMA).astype(int)
    # The most frequent brightness, within CLOSE; the darker one of two equally frequent ones.
    counts = np.convolve(np.bincount(luma, minlength=256), np.ones(2 * CLOSE + 1), "same")
    plateau = np.flatnonzero(counts == counts.max())
    plateau = plateau[plateau <= plateau[0] + 2 * CLOSE]
    peak = plateau[len(plateau) // 2]
    colour = np.median(border[np.abs(luma - peak) <= CLOSE], axis=0)
    distances = np.abs(border - colour).max(axis=1)
    down, right = np.mgrid[-0.5 : 0.5 : height * 1j, -0.5 : 0.5 : width * 1j].astype(np.float32)
    places = np.stack([np.ones_like(down), down, right], axis=-1)
    plane = np.stack([colour, 0 * colour, 0 * colour])
    belongs = distances <= 2 * CLOSE
    for _ in range(2):
        if belongs.sum() < 10:
            break
        plane = np.linalg.lstsq(_border(places)[belongs], border[belongs], rcond=None)[0]
        distances = np.abs(border - _border(places) @ plane).max(axis=1)
        belongs = distances <= max(CLOSE, 3 * _spread(distances[belongs]))
    return places @ plane, _spread(distances)


def _share_of_garment(distance: np.ndarray, is_garment: np.ndarray) -> np.ndarray:
    """Estimate how much of each pixel is garment, float32 (height, width).

    Inside a garment the share is 1. At the rim it is the pixel's distance from the background,
    relative to the largest distance beside it.

    Args:
        distance: from the background's colour, in levels, float32 (height, width).
        is_garment: bool (height, width).
    """
    beside = ImageFilter.MaxFilter(3)
    levels = Image.fromarray(distance.clip(0, 255).astype(np.uint8))
    largest = np.asarray(levels.filter(beside), np.float32)
    is_rim = np.asarray(Image.fromarray(~is_garment).convert("L").filter(beside)) > 0
    share = np.where(is_rim, np.minimum(distance / np.maximum(largest, 1), 1), 1)
    return np.where(is_garment, share, 0)


def _square(pixels: np.ndarray) -> np.ndarray:
    """Put pixels (height, width) in the middle of a black square."""
    height, width = pixels.shape
    side = max(height, width)
    square = np.zeros((side, side), np.uint8)
    top, left = (side - height + 1) // 2, (side - width + 1) // 2
    square[top : top + height, left : left + width] = pixels
    return square


def _shrink(square: np.ndarray) -> np.ndarray:
    """Resize a square to 28x28, and sharpen it in proportion to the shrinking."""
    side = len(square)
    kind = Image.Resampling.HAMMING if side > SIDE else Image.Resampling.BICUBIC
    image = Image.fromarray(square).resize((SIDE, SIDE), kind)
    amount = max(0.0, 0.5 * (1 - SIDE / side))
    # The weights of a Gaussian of radius and standard deviation 1.
    near, far = np.exp(-0.5), np.exp(-1.0)
    blur = np.array([far, near, far, near, 0, near, far, near, far]) / (4 * (near + far))
    kernel = -amount * blur
    kernel[4] = 1 + amount
    return np.asarray(image.filter(ImageFilter.Kernel((3, 3), kernel.tolist(), scale=1)))
