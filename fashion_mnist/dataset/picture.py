"""Any picture of a garment as 28x28 pixels like those of Fashion-MNIST.

Source: Xiao, Rasul, Vollgraf, arXiv 1708.07747, section 2: trim by the colour of the corners, bring
the longest edge to 28, sharpen, centre, negate, turn to grey. Here the background may have any
colour, a gradient and noise; it becomes 0. Only a garment on a light background is negated, and
the sharpening grows with how much was shrunk, so that enlarged images of the dataset come back.
"""

import re
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError

from fashion_mnist.errors import InputError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
MAX_PIXELS = 40_000_000
# WebP's decoder holds a picture several times.
MAX_PIXELS_WEBP = 16_000_000
MAX_SIDE = 20_000  # a single row of more pixels costs a gigabyte to shrink
MAX_SCANS = 100  # each scan of a JPEG passes over all of its pixels; real ones have about ten
SIDE = 28
# Larger pictures are first shrunk to this: enough to tell garment from background.
WORKING_SIDE = 200
# Levels of 255 (5 %, as in the paper) within which a pixel is background, where there is no noise.
CLOSE = 13
NOISY = 3.0  # levels of the background's standard deviation from which a median filter helps
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# The marker of a segment with a length: no stuffing (00), no fill (FF), no restart (D0 to D7).
JPEG_SEGMENT = re.compile(rb"\xff([\x02-\xcf\xd8-\xfe])")

# Pillow's own limit only warns; `_open` refuses before anything is decoded.
Image.MAX_IMAGE_PIXELS = None


class Step(NamedTuple):
    """What a picture has become: pixels, uint8 (height, width) or (height, width, 3)."""

    name: str
    pixels: np.ndarray


def pixels(source: Path | BinaryIO, name: str) -> np.ndarray:
    """Return a picture as the networks read it, uint8 (28, 28), background 0.

    Args:
        source: a JPEG, PNG, WebP, GIF (its first frame) or BMP file.
        name: of the picture, for errors.

    Raises:
        InputError: it is no such picture, is damaged, is too costly to decode, or shows nothing.
    """
    return steps(source, name)[-1].pixels


def steps(source: Path | BinaryIO, name: str) -> list[Step]:
    """Return the way of a picture to what `pixels` returns, for people to look at.

    Args and errors as for `pixels`.
    """
    image = _open(source, name)
    colours = np.asarray(image)
    grey = np.asarray(image.convert("L"))
    if grey.shape == (SIDE, SIDE) and _is_of_the_dataset(grey):
        return [Step("28x28", grey)]
    background, noise = _background(colours)
    # In a small picture every pixel counts: no filter, no unmixing.
    is_large = max(image.size) > 2 * SIDE
    smooth = colours
    if is_large and noise > NOISY:
        # Only to find the garment: of its own noise, shrinking leaves nothing.
        smooth = np.asarray(image.filter(ImageFilter.MedianFilter(5)))
        background, noise = _background(smooth)
    distance = np.abs(smooth - background).max(axis=2)
    is_garment = distance > max(CLOSE, 3 * noise)
    share = _share_of_garment(distance, is_garment) if is_large else is_garment
    # At its rim a garment is mixed with the background, whose part is taken out.
    of_background = (1 - share) * (background @ LUMA)
    is_light = background.mean(axis=(0, 1)) @ LUMA > 127
    values = 255 * share - grey + of_background if is_light else grey - of_background
    cut_out = np.where(is_garment, values.clip(0, 255), 0).astype(np.uint8)
    rows, columns = (np.flatnonzero((share > 0.25).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        raise InputError(f"{name}: nothing but background; expected a garment on a plain ground")
    if cut_out.shape != (SIDE, SIDE):
        cut_out = cut_out[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    trimmed = _square(cut_out)
    return [
        Step("picture", colours),
        Step("cut out, negated" if is_light else "cut out", trimmed),
        Step("28x28", _shrink(trimmed)),
    ]


def _open(source: Path | BinaryIO, name: str) -> Image.Image:
    """Decode a picture: upright, on white where transparent, RGB, at most WORKING_SIDE large."""
    try:
        with Image.open(source, formats=FORMATS) as opened:
            image = opened
            _refuse_what_costs_too_much(image, name)
            image.draft(None, (4 * WORKING_SIDE, 4 * WORKING_SIDE))  # JPEG decodes it smaller
            if image.mode.startswith("I"):  # 16 bits
                image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            elif image.mode in ("1", "P"):  # what can't be averaged
                image = image.convert("RGBA" if image.has_transparency_data else "RGB")
            image.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.HAMMING)
            upright = ImageOps.exif_transpose(image)
            if upright.has_transparency_data:
                upright = upright.convert("RGBA")
                upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright)
            return upright.convert("RGB")
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{name}: not found") from None
    except UnidentifiedImageError:
        raise InputError(f"{name}: no picture; expected {', '.join(FORMATS)}") from None
    except Exception as error:  # the decoders raise whatever damaged bytes lead them to
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{name}: not a whole picture ({reason}); save it again") from None


def _refuse_what_costs_too_much(image: Image.Image, name: str) -> None:
    """Refuse an opened picture that would take seconds or gigabytes to decode.

    Raises:
        InputError: it has too many pixels, too long a side or too many JPEG scans, or it is a
            run-length encoded BMP, which Pillow decodes byte by byte in Python.
    """
    most = MAX_PIXELS_WEBP if image.format == "WEBP" else MAX_PIXELS
    found = f"{name}: {image.width}x{image.height} pixels"
    if image.width * image.height > most:
        raise InputError(f"{found}, expected at most {most:,}; make it smaller")
    if max(image.size) > MAX_SIDE:
        raise InputError(f"{found}, expected sides of at most {MAX_SIDE:,}; make it smaller")
    if image.format == "BMP" and image.tile[0].codec_name == "bmp_rle":
        raise InputError(f"{name}: a run-length encoded BMP; save it as PNG")
    if image.format in ("JPEG", "MPO"):
        position = image.fp.tell()
        image.fp.seek(0)
        has_too_many = _count_scans(image.fp.read()) > MAX_SCANS
        image.fp.seek(position)
        if has_too_many:
            raise InputError(f"{name}: a JPEG of more than {MAX_SCANS} scans; save it again")


def _count_scans(jpeg: bytes) -> int:
    """Count the scans of the first image in a file, up to one more than MAX_SCANS.

    Source: ITU-T T.81, annex B.
    """
    scans, position = 0, 2
    while scans <= MAX_SCANS and (found := JPEG_SEGMENT.search(jpeg, position)):
        if found[1] == b"\xd9":  # the end of the image; what comes behind it is not decoded
            break
        scans += found[1] == b"\xda"
        position = found.end() + int.from_bytes(jpeg[found.end() : found.end() + 2], "big")
    return scans


def _is_of_the_dataset(grey: np.ndarray) -> bool:
    """Whether the background of 28x28 pixels is 0 already: the border is rather dark than light."""
    border = _border(grey)
    return (border < CLOSE).sum() > max((border > 255 - CLOSE).sum(), len(border) / 10)


def _border(pixels: np.ndarray) -> np.ndarray:
    """Return the outermost pixels, (m, ...), of (height, width, ...)."""
    return np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])


def _spread(distances: np.ndarray) -> float:
    """Return the standard deviation of the noise behind distances; outliers don't matter."""
    return 1.4826 * float(np.median(distances))


def _background(colours: np.ndarray) -> tuple[np.ndarray, float]:
    """Find the background from the border, of which a garment may cover a part.

    Args:
        colours: uint8 (height, width, 3).

    Returns:
        The background everywhere, float32 (height, width, 3), its colours linear in the position;
        and the standard deviation of its noise, in levels.
    """
    height, width = colours.shape[:2]
    border = _border(colours).astype(np.float32)
    luma = (border @ LUMA).astype(int)
    # The most frequent brightness, give or take CLOSE; the darker one, if two are as frequent.
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

    Inside it is all of it; at the rim, its distance from the background's colour relative to the
    largest one beside it. distance is float32, is_garment bool (height, width).
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
    """Bring a square to 28x28, sharper the more it shrinks."""
    side = len(square)
    kind = Image.Resampling.HAMMING if side > SIDE else Image.Resampling.BICUBIC
    image = Image.fromarray(square).resize((SIDE, SIDE), kind)
    amount = max(0.0, 0.5 * (1 - SIDE / side))
    # What a Gaussian of radius and standard deviation 1 takes from the neighbours.
    near, far = np.exp(-0.5), np.exp(-1.0)
    blur = np.array([far, near, far, near, 0, near, far, near, far]) / (4 * (near + far))
    kernel = -amount * blur
    kernel[4] = 1 + amount
    return np.asarray(image.filter(ImageFilter.Kernel((3, 3), kernel.tolist(), scale=1)))
