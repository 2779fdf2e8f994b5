import numpy as np
import pytest

from fashion_mnist import augmentation

IMAGES = np.random.default_rng(0).random((50, 28, 28, 1)).astype(np.float32)


def test_flip_mirrors_only_the_marked_images():
    mirrored = np.arange(50) % 2 == 0
    flipped = augmentation.flip(IMAGES, mirrored)
    np.testing.assert_array_equal(flipped[1], IMAGES[1])
    np.testing.assert_array_equal(flipped[0], IMAGES[0][:, ::-1])


@pytest.mark.parametrize(
    ("side", "first", "last"), [(1, 10, 10), (2, 9, 10), (3, 9, 11), (8, 6, 13), (60, 0, 27)]
)
def test_cutout_blackens_a_square_around_the_center(side, first, last):
    image = np.ones((1, 28, 28, 1), np.float32)
    cut = augmentation.cutout(image, np.array([[10, 10]]), side)
    black = np.argwhere(cut[0, ..., 0] == 0)
    assert (*black.min(axis=0), *black.max(axis=0)) == (first, first, last, last)
    assert len(black) == (last - first + 1) ** 2
    assert cut.dtype == np.float32


def test_cutout_has_a_place_of_its_own_in_each_image_and_ends_at_the_edge():
    centers = np.array([[0, 5], [27, 20]])
    cut = augmentation.cutout(np.ones((2, 28, 28, 1)), centers, 4)
    corners = [
        (*black.min(axis=0), *black.max(axis=0)) for black in map(np.argwhere, 1 - cut[..., 0])
    ]
    assert corners == [(0, 3, 1, 6), (25, 18, 27, 21)]
