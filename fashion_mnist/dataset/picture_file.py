"""Picture files: what is decoded, and what would cost too much."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError
from PIL.Image import Transpose

from fashion_mnist.dataset import picture_parts
from fashion_mnist.dataset.bare_picture import bare
from fashion_mnist.dataset.picture_parts import Parts
from fashion_mnist.errors import InputError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
MAX_BYTES = 500_000_000
MAX_PIXELS = 40_000_000
# JPEG is decoded at a smaller scale; WebP's decoder holds a picture several times.
MAX_PIXELS_OF = {"JPEG": 50_000_000, "MPO": 50_000_000, "WEBP": 16_000_000}
MAX_MENDED_PIXELS = 16_000_000  # which takes several times the work of decoding
MAX_SIDE = 20_000  # pixels; shrinking a single longer row takes a gigabyte
# Each scan of a JPEG passes over all pixels; real files have about ten.
MAX_SCANS, MAX_SCANNED_PIXELS = 100, 800_000_000
# Exif fits into a JPEG's segment of 64 KB; PNG may also hold it as hexadecimal text.
EXIF, MAX_EXIF = ("exif", "Raw profile type exif"), 200_000

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
    with _explained(name):
        content = _read(source, name)
        try:
            return _decode(content, name, side)
        except Exception as error:
            is_sound = isinstance(error, (InputError, MemoryError))
            mended = None if is_sound else bare(content, MAX_MENDED_PIXELS)
            if mended is None:
                raise
        return _decode(mended, name, side)


def size(source: Path | BinaryIO, name: str) -> tuple[int, int]:
    """Return width and height of a picture as stored, in pixels; the picture is not decoded.

    Raises:
        InputError: as `decode`.
    """
    with _explained(name), _opened(_read(source, name), name)[0] as image:
        return image.size


def work(source: Path | BinaryIO, name: str) -> int:
    """Return about how many pixels and bytes a decoder passes over.

    A JPEG's pixels cost a tenth, and its bytes are in proportion to them.

    Raises:
        InputError: as `decode`.
    """
    with _explained(name):
        content = _read(source, name)
        image, parts = _opened(content, name)
        with image:
            pixels = image.width * image.height
            if image.format in ("JPEG", "MPO"):
                return pixels * parts.scans // 10
            return pixels + len(content)


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except (InputError, MemoryError):  # the picture is not to blame for a lack of memory
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


def _read(source: Path | BinaryIO, name: str) -> bytes:
    if isinstance(source, Path):
        with source.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    else:
        source.seek(0)
        content = source.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise InputError(f"{name}: a file of more than {MAX_BYTES:,} bytes; make it smaller")
    return content


def _opened(content: bytes, name: str) -> tuple[ImageFile.ImageFile, Parts]:
    """Open a picture that costs little to decode; return what it is made of, too.

    Raises:
        InputError: it has too many parts, pixels, passes over the pixels, or too long a side, or is
            a run-length encoded BMP, which Pillow decodes byte by byte in Python.
    """
    parts = picture_parts.count(content)
    if parts.are_too_many:
        raise InputError(f"{name}: more parts than a picture has; save it again")
    image = Image.open(io.BytesIO(content), formats=FORMATS)
    image.decodermaxblock = len(content)  # between two blocks, a decoder waits for Python's lock
    pixels, most = image.width * image.height, MAX_PIXELS_OF.get(image.format or "", MAX_PIXELS)
    found = f"{name}: {image.width}x{image.height} pixels"
    if pixels > most:
        raise InputError(f"{found}, expected at most {most:,}; make it smaller")
    if max(image.size) > MAX_SIDE:
        raise InputError(f"{found}, expected sides of at most {MAX_SIDE:,}; make it smaller")
    if image.format == "BMP" and image.tile[0].codec_name == "bmp_rle":
        raise InputError(f"{name}: a run-length encoded BMP; save it as PNG")
    if parts.scans > MAX_SCANS or parts.scans * pixels > MAX_SCANNED_PIXELS:
        raise InputError(f"{name}: a JPEG of {parts.scans} scans; save it without progression")
    return image, parts


def _decode(content: bytes, name: str, side: int) -> Image.Image:
    with _opened(content, name)[0] as opened:
        image: Image.Image = opened
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
    damaged. Metadata that can't be read at all, or are longer than any camera's, say nothing.
    """
    if any(len(image.info.get(name, "")) > MAX_EXIF for name in EXIF):
        return None
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # as of a decoder
        return None
