"""Any picture as an image like those of a dataset.

Where the dataset's items are cut out, they are so as in Xiao, Rasul, Vollgraf, arXiv 1708.07747,
section 2: trim by the colour of the corners, bring the longest edge to the side of the images,
sharpen, centre, negate, convert to grey. Unlike there, the background may have any colour, a
gradient and noise, and it becomes 0. An item is negated only on a light background. Sharpening
grows with the scale of the shrinking, so enlarged images of the dataset come back as they were.

Elsewhere the middle square of a picture is shrunk.
"""

from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from fashion_mnist.dataset import picture_file
from fashion_mnist.dataset.spec import Spec
from fashion_mnist.errors import InputError

WORKING_SIDE = 200  # pixels: enough to tell an item from its background
# Without noise, a pixel within this many levels of the background (5 %, as in the paper) is part
# of it.
CLOSE = 13
NOISY = 3.0  # levels of the background's standard deviation from which a median filter helps
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


class Step(NamedTuple):
    """What a picture has become: pixels, uint8 (height, width) or (height, width, 3)."""

    name: str
    pixels: np.ndarray


def pixels(source: Path | BinaryIO, name: str, spec: Spec) -> np.ndarray:
    """Return a picture as the models of a dataset read it: uint8 (*spec.pixels_shape).

    Args:
        source: a file that `picture_file.decode` takes.
        name: of the picture, for errors.
        spec: what the images of the dataset are.

    Raises:
        InputError: the picture can't be decoded, or nothing but background is in it.
    """
    return steps(source, name, spec)[-1].pixels


def steps(source: Path | BinaryIO, name: str, spec: Spec) -> list[Step]:
    """Return the steps from a picture to its `pixels`, for people to look at.

    Arguments and errors are those of `pixels`.
    """
    if spec.cut_out:
        return _steps_of_cutting_out(source, name, spec)
    image = picture_file.decode(source, name, _working_side(spec))
    square = ImageOps.fit(image, (spec.side, spec.side), Image.Resampling.HAMMING)
    mode = "L" if spec.channels == 1 else "RGB"
    return [
        Step("picture", np.asarray(image)),
        Step(f"{spec.side}x{spec.side}", np.asarray(square.convert(mode))),
    ]


def _working_side(spec: Spec) -> int:
    return max(WORKING_SIDE, 4 * spec.side)


def _steps_of_cutting_out(source: Path | BinaryIO, name: str, spec: Spec) -> list[Step]:
    side = spec.side
    image = picture_file.decode(source, name, _working_side(spec))
    colours = np.asarray(image)
    grey = np.asarray(image.convert("L"))
    if grey.shape == (side, side) and grey.max() >= CLOSE and _is_of_the_dataset(grey):
        return [Step(f"{side}x{side}", grey)]
    background, noise = _background(colours)
    # In a small picture every pixel counts, so there is no filter and no unmixing.
    is_large = max(image.size) > 2 * side
    smooth = colours
    if is_large and noise > NOISY:
        # The filter only helps to find the item; shrinking removes the item's own noise.
        smooth = np.asarray(image.filter(ImageFilter.MedianFilter(5)))
        background, noise = _background(smooth)
    distance = np.abs(smooth - background).max(axis=2)
    is_item = distance > max(CLOSE, 3 * noise)
    share = _share_of_item(distance, is_item) if is_large else is_item
    # At its rim an item is mixed with the background; that part is subtracted.
    of_background = (1 - share) * (background @ LUMA)
    is_light = background.mean(axis=(0, 1)) @ LUMA > 127
    values = 255 * share - grey + of_background if is_light else grey - of_background
    cut_out = np.where(is_item, values.clip(0, 255), 0).astype(np.uint8)
    rows, columns = (np.flatnonzero((share > 0.25).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        raise InputError(
            f"{name}: nothing stands out from its edges: there is no {spec.item}, or it "
            "fills the picture; expected one on a plain background with space around it"
        )
    if cut_out.shape != (side, side):
        cut_out = cut_out[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    trimmed = _square(cut_out)
    return [
        Step("picture", colours),
        Step("cut out, negated" if is_light else "cut out", trimmed),
        Step(f"{side}x{side}", np.pad(_shrink(trimmed, side - 2 * spec.margin), spec.margin)),
    ]


def _is_of_the_dataset(grey: np.ndarray) -> bool:
    """Return whether pixels have a background of 0 already: more dark border than light."""
    border = _border(grey)
    return (border < CLOSE).sum() > max((border > 255 - CLOSE).sum(), len(border) / 10)


def _border(pixels: np.ndarray) -> np.ndarray:
    """Return the outermost pixels, (m, ...), of (height, width, ...)."""
    return np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])


def _spread(distances: np.ndarray) -> float:
    """Return the standard deviation of the noise behind distances, robust against outliers."""
    return 1.4826 * float(np.median(distances))


def _background(colours: np.ndarray) -> tuple[np.ndarray, float]:
    """Find the background from the border, which an item may cover in part.

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


def _share_of_item(distance: np.ndarray, is_item: np.ndarray) -> np.ndarray:
    """Estimate how much of each pixel is item, float32 (height, width).

    Inside an item the share is 1. At the rim it is the pixel's distance from the background,
    relative to the largest distance beside it.

    Args:
        distance: from the background's colour, in levels, float32 (height, width).
        is_item: bool (height, width).
    """
    beside = ImageFilter.MaxFilter(3)
    levels = Image.fromarray(distance.clip(0, 255).astype(np.uint8))
    largest = np.asarray(levels.filter(beside), np.float32)
    is_rim = np.asarray(Image.fromarray(~is_item).convert("L").filter(beside)) > 0
    share = np.where(is_rim, np.minimum(distance / np.maximum(largest, 1), 1), 1)
    return np.where(is_item, share, 0)


def _square(pixels: np.ndarray) -> np.ndarray:
    """Put pixels (height, width) in the middle of a black square."""
    height, width = pixels.shape
    side = max(height, width)
    square = np.zeros((side, side), np.uint8)
    top, left = (side - height + 1) // 2, (side - width + 1) // 2
    square[top : top + height, left : left + width] = pixels
    return square


def _shrink(square: np.ndarray, side: int) -> np.ndarray:
    """Resize a square to `side` pixels, and sharpen it in proportion to the shrinking."""
    kind = Image.Resampling.HAMMING if len(square) > side else Image.Resampling.BICUBIC
    image = Image.fromarray(square).resize((side, side), kind)
    amount = max(0.0, 0.5 * (1 - side / len(square)))
    # The weights of a Gaussian of radius and standard deviation 1.
    near, far = np.exp(-0.5), np.exp(-1.0)
    blur = np.array([far, near, far, near, 0, near, far, near, far]) / (4 * (near + far))
    kernel = -amount * blur
    kernel[4] = 1 + amount
    return np.asarray(image.filter(ImageFilter.Kernel((3, 3), kernel.tolist(), scale=1)))
