"""Picture files: what is decoded, and what would cost too much."""

import io
import re
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError
from PIL.Image import Transpose

from fashion_mnist.dataset.bare_picture import bare
from fashion_mnist.errors import InputError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
MAX_PIXELS = 40_000_000
MAX_PIXELS_WEBP = 16_000_000  # WebP's decoder holds a picture several times
MAX_SIDE = 20_000  # pixels; shrinking a single longer row takes a gigabyte
MAX_SCANS = 100  # each scan of a JPEG passes over all pixels; real files have about ten
# Marker of a segment that has a length: not stuffing (00), fill (FF) or a restart (D0 to D7).
_JPEG_SEGMENT = re.compile(rb"\xff([\x02-\xcf\xd8-\xfe])")

# What makes a picture upright, by its orientation. Source: Exif 2.32, 4.6.4.A.
_TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}

# Pillow's own limit only warns. `decode` refuses large pictures before it decodes them.
Image.MAX_IMAGE_PIXELS = None
warnings.filterwarnings("ignore", module=r"PIL\.")  # of odd metadata


def decode(source: Path | BinaryIO, name: str, side: int) -> Image.Image:
    """Return a picture upright, in RGB, transparent parts white, at most `side` pixels large.

    Args:
        source: a JPEG, PNG, WebP, GIF (the first frame) or BMP file.
        name: of the picture, for errors.
        side: the longest allowed edge; larger pictures are shrunk.

    Raises:
        InputError: the source is not such a picture, is damaged, or costs too much to decode.
    """
    try:
        return _decode_or_mend(source, name, side)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{name}: not found") from None
    except UnidentifiedImageError:
        raise InputError(f"{name}: not a picture; expected {', '.join(FORMATS)}") from None
    except Exception as error:  # decoders raise anything when bytes are damaged
        if reason := getattr(error, "strerror", None):  # the system's: no rights, a long name
            raise InputError(f"{name}: {reason}") from None
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{name}: not a whole picture ({reason}); save it again") from None


def _decode_or_mend(source: Path | BinaryIO, name: str, side: int) -> Image.Image:
    try:
        return _decode(source, name, side)
    except Exception as error:
        if isinstance(error, InputError) or getattr(error, "strerror", None):
            raise
        with source.open("rb") if isinstance(source, Path) else nullcontext(source) as file:
            mended = bare(file, MAX_PIXELS)
        if mended is None:
            raise
    return _decode(io.BytesIO(mended), name, side)


def _decode(source: Path | BinaryIO, name: str, side: int) -> Image.Image:
    with Image.open(source, formats=FORMATS) as opened:
        image: Image.Image = opened
        _refuse_what_costs_too_much(opened, name)
        image.draft(None, (4 * side, 4 * side))  # JPEG decodes at a smaller scale
        if image.mode.startswith("I"):
            image = _eight_bits(image)
        elif image.mode in ("1", "P") or "transparency" in image.info:
            # Indices can't be averaged, and a transparent colour can't be told from averages.
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        image.thumbnail((side, side), Image.Resampling.HAMMING)
        if (turn := _turn(opened)) is not None:
            image = image.transpose(turn)
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return a grey picture of 16 bits in 8; its transparent value becomes transparent."""
    values = np.asarray(image)
    grey = Image.fromarray((values >> 8).astype(np.uint8))
    if "transparency" in image.info:
        is_opaque = values != image.info["transparency"]
        grey.putalpha(Image.fromarray(255 * is_opaque.astype(np.uint8)))
    return grey


def _turn(image: Image.Image) -> Transpose | None:
    """Return what makes a picture upright, as its metadata say.

    Pillow's `exif_transpose` also writes the metadata anew, and fails where another entry is
    damaged. Metadata that can't be read at all say nothing, as in browsers.
    """
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # as of a decoder
        return None


def _refuse_what_costs_too_much(image: ImageFile.ImageFile, name: str) -> None:
    """Refuse an opened picture that would take seconds or gigabytes to decode.

    Raises:
        InputError: the picture has too many pixels, too long a side or too many JPEG scans, or is
            a run-length encoded BMP, which Pillow decodes byte by byte in Python.
    """
    most = MAX_PIXELS_WEBP if image.format == "WEBP" else MAX_PIXELS
    found = f"{name}: {image.width}x{image.height} pixels"
    if image.width * image.height > most:
        raise InputError(f"{found}, expected at most {most:,}; make it smaller")
    if max(image.size) > MAX_SIDE:
        raise InputError(f"{found}, expected sides of at most {MAX_SIDE:,}; make it smaller")
    if image.format == "BMP" and image.tile[0].codec_name == "bmp_rle":
        raise InputError(f"{name}: a run-length encoded BMP; save it as PNG")
    if image.format in ("JPEG", "MPO") and _count_scans(_content(image)) > MAX_SCANS:
        raise InputError(f"{name}: a JPEG of more than {MAX_SCANS} scans; save it again")


def _content(image: ImageFile.ImageFile) -> bytes:
    """Return the bytes of an opened picture's file."""
    file = image.fp
    assert file is not None  # the picture has just been opened
    position = file.tell()
    file.seek(0)
    content = file.read()
    file.seek(position)
    return content


def _count_scans(jpeg: bytes) -> int:
    """Count the scans of the first image in a file, up to MAX_SCANS + 1.

    Source: ITU-T T.81, annex B.
    """
    scans, position = 0, 2
    while scans <= MAX_SCANS and (found := _JPEG_SEGMENT.search(jpeg, position)):
        if found[1] == b"\xd9":  # the end of the image; nothing behind it is decoded
            break
        scans += found[1] == b"\xda"
        position = found.end() + int.from_bytes(jpeg[found.end() : found.end() + 2], "big")
    return scans
