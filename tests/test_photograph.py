"""Photographs as pixels, and which pictures are images of the dataset."""

import io

import numpy as np
import pytest
from conftest import SPEC, made_images
from PIL import Image

from fashion_mnist.dataset import photograph
from fashion_mnist.errors import InputError

IMAGE = made_images(1, seed=5)[0][0]


def encoded(image: Image.Image, kind: str = "PNG", **options) -> io.BytesIO:
    content = io.BytesIO()
    image.save(content, kind, **options)
    content.seek(0)
    return content


def made_photograph(size: tuple[int, int]) -> Image.Image:
    """Return smooth colours without the blocks of an enlarged image."""
    rng = np.random.default_rng(1)
    return Image.fromarray(rng.integers(0, 255, (9, 7, 3), np.uint8)).resize(size)


@pytest.mark.parametrize("size", [(300, 150), (60, 30)])
def test_a_photograph_is_whole_and_padded_with_its_border_s_colour(size):
    image = Image.new("RGB", size, (200, 40, 10))
    image.paste((0, 0, 255), (size[0] // 3, size[1] // 3, 2 * size[0] // 3, 2 * size[1] // 3))
    pixels = photograph.pixels(encoded(image), "a", 128)
    assert pixels.shape == (128, 128, 3)
    assert (pixels[:32] == (200, 40, 10)).all()
    assert (pixels[-32:] == (200, 40, 10)).all()
    assert pixels[64, 64].tolist() == [0, 0, 255]
    assert (pixels[64, :10] == (200, 40, 10)).all()


def test_what_is_no_picture_is_one_line():
    with pytest.raises(InputError, match=r"^a.jpg: not a picture; expected JPEG"):
        photograph.pixels(io.BytesIO(b"no picture"), "a.jpg", 128)


@pytest.mark.parametrize("scale", [1, 3, 10, 21])
@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("JPEG", {"quality": 90})])
def test_an_image_of_the_dataset_is_recognized_enlarged_and_negated(scale, kind, options):
    for pixels in (IMAGE, 255 - IMAGE):
        large = Image.fromarray(pixels.repeat(scale, axis=0).repeat(scale, axis=1))
        assert photograph.is_dataset_image(encoded(large, kind, **options), "a", SPEC)


def test_photographs_are_none_whatever_their_shape_and_colour():
    for image in (
        made_photograph((280, 280)),
        made_photograph((280, 280)).convert("L"),
        made_photograph((280, 200)),
        made_photograph((20, 20)),
    ):
        assert not photograph.is_dataset_image(encoded(image), "a", SPEC)


def test_a_coloured_dataset_has_no_images_to_recognize():
    spec = SPEC.model_copy(update={"channels": 3, "cut_out": False})
    assert not photograph.is_dataset_image(encoded(Image.fromarray(IMAGE)), "a", spec)
