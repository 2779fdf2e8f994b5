"""Every mode of a picture gives the colours that were written; broken metadata change nothing."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from fashion_mnist.dataset import picture_file
from fashion_mnist.errors import InputError

SIDE = 48
COLOURS = np.zeros((SIDE, SIDE, 3), np.uint8)
COLOURS[:, :24], COLOURS[:, 24:], COLOURS[:8] = (200, 40, 90), (20, 160, 230), (250, 250, 10)
GREY = np.asarray(Image.fromarray(COLOURS).convert("L"))
ALPHA = np.full((SIDE, SIDE), 255, np.uint8)
ALPHA[40:] = 0
KEY = (1, 2, 3)  # the colour below that a file calls transparent
KEYED, KEYED_GREY = COLOURS.copy(), GREY.copy()
KEYED[40:], KEYED_GREY[40:] = KEY, 7
PALETTE, KEYED_PALETTE = (Image.fromarray(of).quantize(5) for of in (COLOURS, KEYED))
KEY_INDEX = int(np.asarray(KEYED_PALETTE)[45, 5])
BLACK_AND_WHITE = np.where(GREY > 128, 255, 0).astype(np.uint8)


def whitened(pixels: np.ndarray) -> np.ndarray:
    return np.where(ALPHA[..., None] > 0, pixels, 255)


def rgb(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=2)


def saved(image: Image.Image | np.ndarray, kind: str, **options) -> bytes:
    file = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(file, kind, **options)
    return file.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(rows: np.ndarray, colour_type: int, bits: int, *chunks: bytes) -> bytes:
    """Return a PNG by hand, without the library that reads it; rows are those of its bytes."""
    raw = b"".join(b"\0" + row.astype(">u2" if bits == 16 else "u1").tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", SIDE, SIDE, bits, colour_type, 0, 0, 0)
    parts = (chunk(b"IHDR", header), *chunks, chunk(b"IDAT", zlib.compress(raw)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def sixteen(*channels: np.ndarray) -> np.ndarray:
    return np.dstack(channels).astype(np.uint16) * 257


def packed(levels: np.ndarray, bits: int) -> np.ndarray:
    """Return rows of bytes that hold several pixels each."""
    split = levels.reshape(SIDE, -1, 8 // bits)
    return (split << np.arange(8 - bits, -1, -bits)).sum(axis=2).astype(np.uint8)


def decoded(content: bytes, side: int = SIDE) -> np.ndarray:
    return np.asarray(picture_file.decode(io.BytesIO(content), "x.png", side)).astype(int)


def jpeg(image=COLOURS, **options) -> bytes:
    return saved(image, "JPEG", quality=98, subsampling=0, **options)


CMYK = Image.fromarray(COLOURS).convert("CMYK")
LEVELS_4, LEVELS_2 = GREY >> 4, GREY >> 6
MODES = {
    "RGB": (saved(COLOURS, "PNG"), COLOURS),
    "RGB, 16 bits": (png(sixteen(COLOURS), 2, 16), COLOURS),
    "RGB, a transparent colour": (saved(KEYED, "PNG", transparency=KEY), whitened(COLOURS)),
    "RGBA": (saved(np.dstack([COLOURS, ALPHA]), "PNG"), whitened(COLOURS)),
    "RGBA, 16 bits": (png(sixteen(COLOURS, ALPHA), 6, 16), whitened(COLOURS)),
    "RGBA, WebP": (
        saved(np.dstack([COLOURS, ALPHA]), "WEBP", lossless=True, exact=True),
        whitened(COLOURS),
    ),
    "grey": (saved(GREY, "PNG"), rgb(GREY)),
    "grey, 1 bit": (saved(Image.fromarray(BLACK_AND_WHITE).convert("1"), "PNG"), BLACK_AND_WHITE),
    "grey, 2 bits": (png(packed(LEVELS_2, 2), 0, 2), rgb(LEVELS_2 * 85)),
    "grey, 4 bits": (png(packed(LEVELS_4, 4), 0, 4), rgb(LEVELS_4 * 17)),
    "grey, 16 bits": (png(sixteen(GREY), 0, 16), rgb(GREY)),
    "grey, a transparent value": (saved(KEYED_GREY, "PNG", transparency=7), whitened(rgb(GREY))),
    "grey, 16 bits, a transparent value": (
        png(sixteen(KEYED_GREY), 0, 16, chunk(b"tRNS", struct.pack(">H", 7 * 257))),
        whitened(rgb(GREY)),
    ),
    "grey and alpha": (
        saved(Image.merge("LA", [*map(Image.fromarray, (GREY, ALPHA))]), "PNG"),
        whitened(rgb(GREY)),
    ),
    "grey and alpha, 16 bits": (png(sixteen(GREY, ALPHA), 4, 16), whitened(rgb(GREY))),
    "palette": (saved(PALETTE, "PNG"), COLOURS),
    "palette, a transparent colour": (
        saved(KEYED_PALETTE, "PNG", transparency=KEY_INDEX),
        whitened(COLOURS),
    ),
    "GIF": (saved(PALETTE, "GIF"), COLOURS),
    "GIF, a transparent colour": (
        saved(KEYED_PALETTE, "GIF", transparency=KEY_INDEX),
        whitened(COLOURS),
    ),
    "BMP": (saved(COLOURS, "BMP"), COLOURS),
    "BMP, a palette": (saved(PALETTE, "BMP"), COLOURS),
    "BMP, 1 bit": (saved(Image.fromarray(BLACK_AND_WHITE).convert("1"), "BMP"), BLACK_AND_WHITE),
    "JPEG": (jpeg(), COLOURS),
    "JPEG, grey": (jpeg(GREY), rgb(GREY)),
    "JPEG, CMYK": (saved(CMYK, "JPEG", quality=98), COLOURS),
}


@pytest.mark.parametrize("mode", MODES)
def test_the_colours_are_those_that_were_written(mode):
    content, expected = MODES[mode]
    expected = expected if expected.ndim == 3 else rgb(expected)
    tolerance = 10 if mode.startswith("JPEG") else 0
    assert np.abs(decoded(content) - expected).max() <= tolerance


def test_a_cmyk_jpeg_without_adobes_marker_is_read_as_browsers_read_it():
    content = saved(CMYK, "JPEG", quality=98)
    start = content.index(b"\xff\xee")
    end = start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")
    assert np.abs(decoded(content[:start] + content[end:]) - COLOURS).max() <= 10


def test_a_transparent_colour_leaves_no_fringe_where_a_picture_is_shrunk():
    large = np.kron(KEYED, np.ones((10, 10, 1), np.uint8))
    alpha = np.kron(ALPHA, np.ones((10, 10), np.uint8))
    expected = decoded(saved(np.dstack([large, alpha]), "PNG"), side=50)
    assert (decoded(saved(large, "PNG", transparency=KEY), side=50) == expected).all()


def in_png(*chunks: bytes) -> bytes:
    content = MODES["RGB"][0]
    return content[:33] + b"".join(chunks) + content[33:]


def in_jpeg(marker: int, data: bytes) -> bytes:
    return jpeg()[:2] + struct.pack(">BBH", 0xFF, marker, 2 + len(data)) + data + jpeg()[2:]


LONG = zlib.compress(bytes(2_000_000))
BROKEN = {
    "an ICC profile that is none": in_png(chunk(b"iCCP", b"x\0\0garbage")),
    "a large ICC profile": in_png(chunk(b"iCCP", b"x\0\0" + LONG)),
    "a large text": in_png(chunk(b"zTXt", b"key\0\0" + LONG)),
    "a large international text": in_png(chunk(b"iTXt", b"key\0\1\0\0\0" + LONG)),
    "a text that expands without end": in_png(
        chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(10**8)))
    ),
    "a wrong checksum": in_png(chunk(b"tEXt", b"key\0text")[:-4] + bytes(4)),
    "a short size": in_png(chunk(b"pHYs", b"\0")),
    "short colours": in_png(chunk(b"gAMA", b"\0"), chunk(b"cHRM", b"\0"), chunk(b"sRGB", b"")),
    "no IEND": MODES["RGB"][0][:-12],
    "half an IEND": MODES["RGB"][0][:-6],
    "a JPEG's profile in no part": in_jpeg(0xE2, b"ICC_PROFILE\0"),
    "a JPEG's settings of Photoshop, cut": in_jpeg(0xED, b"Photoshop 3.0\08BIM\x04\0"),
    "a short JFIF": in_jpeg(0xE0, b"JFIF\0"),
    "a short Adobe marker": in_jpeg(0xEE, b"Adobe"),
    "a list of pictures that is none": in_jpeg(0xE2, b"MPF\0garbage"),
    "no end marker": jpeg()[:-2],
    "half an end marker": jpeg()[:-1],
    "no end marker, progressive": jpeg(progressive=True)[:-2],
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_metadata_are_no_reason_to_refuse_a_picture(what):
    tolerance = 10 if BROKEN[what].startswith(b"\xff\xd8") else 0
    assert np.abs(decoded(BROKEN[what]) - COLOURS).max() <= tolerance


@pytest.mark.parametrize("is_progressive", [False, True])
@pytest.mark.parametrize("lacks", [4, 40, 400])
def test_a_jpeg_that_lacks_pixels_is_refused(is_progressive, lacks):
    noise = np.random.default_rng(0).integers(0, 256, COLOURS.shape).astype(np.uint8)
    content = jpeg(noise, progressive=is_progressive)
    with pytest.raises(InputError, match="not a whole picture"):
        decoded(content[:-lacks])


def test_a_grey_picture_of_16_bits_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    content = png(sixteen(GREY), 0, 16, chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")))
    assert (decoded(content) == rgb(GREY)[::-1, ::-1]).all()
    broken = content[:33] + chunk(b"pHYs", b"\0") + content[33:]
    assert (decoded(broken) == rgb(GREY)[::-1, ::-1]).all()


@pytest.mark.parametrize(("length", "is_turned"), [(60_000, True), (300_000, False)])
def test_metadata_longer_than_any_camera_writes_are_not_read(length, is_turned):
    """They take seconds and memory, when a picture has megabytes of them."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 3, "x" * length  # upside down; a description
    content = png(GREY, 0, 8, chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")))
    assert (decoded(content) == rgb(GREY)[::-1, ::-1]).all() == is_turned


@pytest.mark.parametrize("lacks", [30, 400])
def test_a_png_that_lacks_pixels_is_refused(lacks):
    """Its last part may be missing, or half of it."""
    noise = np.random.default_rng(0).integers(0, 256, COLOURS.shape).astype(np.uint8)
    content = saved(noise, "PNG")
    with pytest.raises(InputError, match="not a whole picture"):
        decoded(content[:-lacks])
    stream = zlib.compress(b"".join(b"\0" + row.tobytes() for row in noise))
    header = content[:33] + chunk(b"pHYs", b"\0")  # broken
    whole = header + chunk(b"IDAT", stream[:-lacks]) + chunk(b"IDAT", stream[-lacks:])
    assert (decoded(whole) == noise).all()
    with pytest.raises(InputError, match="not a whole picture"):
        decoded(header + chunk(b"IDAT", stream[:-lacks]))


RESTARTS = jpeg(restart_marker_blocks=1)
UNKNOWN_CHUNK = b"abcd" + bytes(4)


@pytest.mark.parametrize(
    ("content", "is_decoded"),
    [
        (RESTARTS, True),
        (RESTARTS + b"\xff\xd0" * 1_000_000, False),
        (saved(COLOURS, "WEBP") + 9_000 * UNKNOWN_CHUNK, True),
        (saved(COLOURS, "WEBP") + 10_000 * UNKNOWN_CHUNK, False),
    ],
)
def test_more_parts_than_a_picture_has_are_refused_before_a_decoder_counts_them(
    content, is_decoded
):
    if is_decoded:
        decoded(content)
    else:
        with pytest.raises(InputError, match="more parts than a picture has"):
            decoded(content)


def test_what_is_far_behind_a_jpeg_is_not_counted():
    decoded(RESTARTS + bytes(100_000_000) + b"\xff" * 1_000_001)


def test_a_lack_of_memory_is_not_blamed_on_the_picture(monkeypatch):
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "thumbnail", fail)
    with pytest.raises(MemoryError):
        decoded(saved(COLOURS, "PNG"))
