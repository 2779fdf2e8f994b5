"""Pictures of every kind become pixels like those of the dataset; other files are refused."""

import contextlib
import io
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from conftest import SPEC
from PIL import Image, ImageDraw, ImageOps

from fashion_mnist.dataset import picture, picture_file
from fashion_mnist.errors import InputError

# What a camera that notes an orientation did to an upright picture.
TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def shirt() -> np.ndarray:
    """Return a T-shaped garment as in the dataset, from top to bottom: uint8 (28, 28)."""
    pixels = np.zeros((28, 28), np.uint8)
    pixels[0:8, 2:26] = 150
    pixels[0:28, 8:20] = 200
    return pixels


def large(size: int = 280) -> Image.Image:
    return Image.fromarray(shirt()).resize((size, size), Image.Resampling.NEAREST)


def on(colour: tuple[int, int, int], noise: float = 0, negated: bool = True) -> Image.Image:
    """Return the shirt on a larger canvas."""
    canvas = np.full((500, 400, 3), colour, float)
    garment = np.asarray(large())[..., None]
    area = canvas[150:430, 60:340]
    area[:] = np.where(garment > 0, 255.0 - garment if negated else garment, area)
    canvas += np.random.default_rng(0).normal(0, noise, canvas.shape)
    return Image.fromarray(canvas.clip(0, 255).astype(np.uint8))


def pixels_of(image: Image.Image, kind: str = "PNG", spec=SPEC, **options) -> np.ndarray:
    content = io.BytesIO()
    image.save(content, kind, **options)
    content.seek(0)
    return picture.pixels(content, "a picture", spec)


def is_like_the_shirt(pixels: np.ndarray) -> bool:
    assert (pixels.shape, pixels.dtype) == ((28, 28), np.uint8)
    error = np.abs(pixels.astype(int) - shirt()).mean()
    return error < 12


def test_pictures_of_the_dataset_pass_unchanged():
    assert (pixels_of(Image.fromarray(shirt())) == shirt()).all()


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(255 - shirt()),
        large(),
        Image.fromarray(255 - np.asarray(large())),
        on((255, 255, 255)),
        on((0, 0, 0), negated=False),
        on((225, 205, 170)),
        on((20, 25, 70), negated=False),
        on((240, 240, 240), noise=10),
        on((250, 250, 250)).resize((4000, 5000)),
        Image.fromarray(255 - np.asarray(large())).convert("P"),
        Image.fromarray((255 - np.asarray(large())).astype(np.uint16) * 257),
    ],
    ids=[
        *("negated", "large", "large negated", "white", "black", "beige", "navy", "noise"),
        *("huge", "palette", "16 bits"),
    ],
)
def test_the_garment_is_found_trimmed_and_turned_bright(image):
    assert is_like_the_shirt(pixels_of(image))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "BMP", "GIF"])
def test_every_kind_of_file_is_read(kind):
    assert is_like_the_shirt(pixels_of(on((225, 205, 170)), kind))


def test_cmyk_and_the_first_frame_of_an_animation_are_read():
    assert is_like_the_shirt(pixels_of(on((255, 255, 255)).convert("CMYK"), "JPEG"))
    frames = {"save_all": True, "append_images": [Image.new("RGB", (400, 500))]}
    assert is_like_the_shirt(pixels_of(on((255, 255, 255)), "GIF", **frames))


def test_the_background_is_zero_whatever_its_colour_and_noise():
    pixels = pixels_of(on((225, 205, 170), noise=5))
    assert pixels[12:, :6].max() == 0
    assert pixels[12:, 22:].max() == 0


def test_a_picture_is_turned_upright_though_other_metadata_are_damaged():
    turned = Image.fromarray(np.arange(200, dtype=np.uint8).reshape(10, 20)).convert("RGB")
    saved = io.BytesIO()
    turned.save(saved, "JPEG", quality=100)
    # Little-endian TIFF: the maker's name is a fraction, which Pillow can't write; orientation 6.
    entries = struct.pack("<HHII", 0x10F, 5, 1, 38) + struct.pack("<HHIHH", 0x112, 3, 1, 6, 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + struct.pack("<III", 0, 1, 2)
    content = saved.getvalue()
    marked = content[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + content[2:]
    assert Image.open(io.BytesIO(marked)).getexif()[0x0112] == 6
    with pytest.raises(AttributeError):
        ImageOps.exif_transpose(Image.open(io.BytesIO(marked)))
    expected = turned.transpose(Image.Transpose.ROTATE_270)
    found = picture_file.decode(io.BytesIO(marked), "x.jpg", side=100)
    assert np.abs(np.asarray(found, int) - np.asarray(expected, int)).max() < 5


@pytest.mark.parametrize(
    ("kind", "data"),
    [(b"eXIf", b"no TIFF"), (b"tEXt", b"Raw profile type exif\0\nexif\n      10\nzz")],
)
def test_metadata_that_cannot_be_read_are_no_reason_to_refuse_a_picture(kind, data):
    saved = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(saved, "PNG")
    content = saved.getvalue()
    at = content.index(b"IDAT") - 4
    chunk = struct.pack(">I", len(data)) + kind + data
    chunk += struct.pack(">I", zlib.crc32(kind + data))
    found = picture_file.decode(io.BytesIO(content[:at] + chunk + content[at:]), "x.png", side=100)
    assert found.getpixel((3, 3)) == (255, 0, 0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright_as_exif_says(orientation):
    image, exif = on((255, 255, 255)), Image.Exif()
    exif[0x0112] = orientation
    turned = image.transpose(TURN[orientation]) if orientation > 1 else image
    assert is_like_the_shirt(pixels_of(turned, "JPEG", exif=exif))


def test_colours_of_transparent_pixels_are_not_seen():
    alpha = np.where(np.asarray(large()) > 0, 255, 0).astype(np.uint8)
    negated = 255 - np.asarray(large())
    hidden = np.random.default_rng(0).integers(0, 256, negated.shape, np.uint8)
    grey = np.where(alpha > 0, negated, hidden)
    assert is_like_the_shirt(pixels_of(Image.fromarray(np.dstack([grey, grey, grey, alpha]))))


def test_a_gradient_is_background():
    canvas = np.asarray(on((220, 220, 220))).astype(int)
    canvas = np.where(
        canvas == 220, canvas + np.linspace(-25, 25, 400).astype(int)[:, None], canvas
    )
    assert is_like_the_shirt(pixels_of(Image.fromarray(canvas.astype(np.uint8))))


def test_steps_lead_from_the_picture_to_its_pixels():
    content = io.BytesIO()
    on((255, 255, 255)).save(content, "PNG")
    names = [step.name for step in picture.steps(content, "a picture", SPEC)]
    assert names == ["picture", "cut out, negated", "28x28"]
    last = picture.steps(content, "a picture", SPEC)[-1].pixels
    assert (last == picture.pixels(content, "a picture", SPEC)).all()


@pytest.mark.parametrize(("channels", "colour"), [(3, [0, 128, 0]), (1, 75)])
def test_where_nothing_is_cut_out_the_middle_square_is_shrunk(channels, colour):
    spec = SPEC.model_copy(update={"cut_out": False, "channels": channels, "side": 16})
    wide = Image.new("RGB", (160, 80), "red")
    wide.paste("green", (40, 0, 120, 80))
    for image in (wide, wide.transpose(Image.Transpose.ROTATE_90), wide.resize((4000, 2000))):
        pixels = pixels_of(image, spec=spec)
        assert (pixels.shape, pixels.dtype) == (spec.pixels_shape, np.uint8)
        assert (np.abs(pixels[1:-1, 1:-1].astype(int) - colour) <= 2).all()
    content = io.BytesIO()
    wide.save(content, "PNG")
    names = [step.name for step in picture.steps(content, "a picture", spec)]
    assert names == ["picture", "16x16"]


def test_a_margin_stays_empty_around_what_was_cut_out():
    pixels = pixels_of(on((255, 255, 255)), spec=SPEC.model_copy(update={"margin": 4}))
    rows, columns = (np.flatnonzero(pixels.max(axis=axis)) for axis in (1, 0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (4, 23, 5, 22)
    assert pixels.shape == (28, 28)


@pytest.mark.parametrize("colours", [("red", "black"), ("white", "black"), ("#808080", "#9a9a9a")])
def test_a_picture_of_two_halves_is_read_or_refused(colours):
    image = Image.new("RGB", (53, 160), colours[0])
    ImageDraw.Draw(image).rectangle((0, 80, 53, 160), fill=colours[1])
    with contextlib.suppress(InputError):
        assert pixels_of(image).shape == (28, 28)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (3000, 2), (28, 28), (5, 5)])
def test_tiny_and_narrow_pictures_are_read_or_refused(size):
    noise = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8)
    with contextlib.suppress(InputError):
        assert pixels_of(Image.fromarray(noise)).shape == (28, 28)


@pytest.mark.parametrize(("side", "colour"), [(300, "beige"), (28, "black"), (28, "#030303")])
def test_an_empty_picture_is_refused(side, colour):
    with pytest.raises(InputError, match=r"^a picture: nothing stands out from"):
        pixels_of(Image.new("RGB", (side, side), colour))


def test_too_many_pixels_are_refused_before_they_are_decoded():
    content = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(content, "PNG")
    started = time.process_time()
    with pytest.raises(InputError, match="20000x20000 pixels, expected at most 40,000,000"):
        picture.pixels(content, "a bomb", SPEC)
    assert time.process_time() - started < 0.1


def png_of(width: int, height: int) -> bytes:
    """Return a PNG with one bit per pixel that has a header and no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"")


@pytest.mark.parametrize("size", [(20_001, 1), (1, 20_001), (1, 40_000_000)])
def test_a_side_that_is_too_long_is_refused_before_it_is_decoded(size):
    with pytest.raises(InputError, match=f"{size[0]}x{size[1]} pixels, expected sides of at most"):
        picture.pixels(io.BytesIO(png_of(*size)), "a thread", SPEC)
    with pytest.raises(InputError, match="not a whole picture"):
        picture.pixels(io.BytesIO(png_of(20_000, 1)), "a shorter one", SPEC)


def run_length_encoded() -> bytes:
    """Return a BMP of 1 KB that stands for 36 million pixels."""
    side = 6000
    head = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, 0, 0, 0, 256, 0)
    table = b"".join(bytes([level, level, level, 0]) for level in range(256))
    offset = 14 + len(head) + len(table)
    return struct.pack("<2sIHHI", b"BM", 0, 0, 0, offset) + head + table + b"\xff\x07" * 200


def test_a_run_length_encoded_bmp_is_refused_at_once():
    started = time.process_time()
    with pytest.raises(InputError, match="a run-length encoded BMP; save it as PNG"):
        picture.pixels(io.BytesIO(run_length_encoded()), "a bomb", SPEC)
    assert time.process_time() - started < 0.1


def test_a_jpeg_of_many_scans_is_refused_and_a_progressive_one_is_read():
    content = io.BytesIO()
    on((255, 255, 255)).save(content, "JPEG", progressive=True)
    progressive = content.getvalue()
    assert is_like_the_shirt(picture.pixels(io.BytesIO(progressive), "progressive", SPEC))
    scan = progressive[progressive.rindex(b"\xff\xda") : -2]
    many = progressive[:-2] + 100 * scan + progressive[-2:]
    with pytest.raises(InputError, match="a bomb: a JPEG of 110 scans"):
        picture.pixels(io.BytesIO(many), "a bomb", SPEC)
    film = progressive + 200 * b"\xff\xda"  # some telephones append a film
    assert is_like_the_shirt(picture.pixels(io.BytesIO(film), "a picture that moves", SPEC))


def test_missing_files_and_other_files_are_named(tmp_path):
    with pytest.raises(InputError, match=r"gone.png: not found"):
        picture.pixels(tmp_path / "gone.png", "gone.png", SPEC)
    with pytest.raises(InputError, match="folder: "):
        picture.pixels(Path(tmp_path), "folder", SPEC)
    with pytest.raises(InputError, match="letter: not a picture; expected JPEG, PNG"):
        picture.pixels(io.BytesIO(b"Dear Sir"), "letter", SPEC)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_damaged_files_raise_nothing_but_input_errors(kind):
    content = io.BytesIO()
    on((225, 205, 170), noise=3).resize((60, 75)).save(content, kind)
    sound = content.getvalue()
    rng = np.random.default_rng(1)
    for _ in range(300):
        damaged = bytearray(sound[: rng.integers(1, len(sound))] if rng.random() < 0.3 else sound)
        for _ in range(rng.integers(1, 20)):
            # More often near the start, where the headers are.
            place = int(min(rng.exponential(200), len(damaged) - 1))
            damaged[place] = rng.integers(256)
        with contextlib.suppress(InputError):
            assert picture.pixels(io.BytesIO(damaged), "damaged", SPEC).shape == (28, 28)
