import numpy as np

from fashion_mnist import augmentation

IMAGES = np.random.default_rng(0).random((50, 28, 28, 1)).astype(np.float32)


def test_shift_moves_each_image_by_its_own_offset_and_mirrors_the_edge():
    offsets = np.random.default_rng(1).integers(-3, 4, (50, 2))
    shifted = augmentation.shift(IMAGES, offsets)
    for image, result, (down, right) in zip(IMAGES, shifted, offsets, strict=True):
        padded = np.pad(image, ((3, 3), (3, 3), (0, 0)), mode="reflect")
        expected = padded[3 - down : 31 - down, 3 - right : 31 - right]
        np.testing.assert_array_equal(result, expected)


def test_shift_downwards_moves_content_downwards():
    image = np.zeros((1, 28, 28, 1))
    image[0, 10, 10] = 1
    moved = augmentation.shift(image, np.array([[2, -1]]))
    assert np.argwhere(moved).tolist() == [[0, 12, 9, 0]]


def test_flip_mirrors_only_the_marked_images():
    mirrored = np.arange(50) % 2 == 0
    flipped = augmentation.flip(IMAGES, mirrored)
    np.testing.assert_array_equal(flipped[1], IMAGES[1])
    np.testing.assert_array_equal(flipped[0], IMAGES[0][:, ::-1])
