"""Random changes of whole batches of images, in NumPy."""

import numpy as np


def flip(images: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    """Turn left and right in the images (n, height, width, channels) that `mirrored` (n,) marks."""
    return np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)


def cutout(images: np.ndarray, centers: np.ndarray, side: int) -> np.ndarray:
    """Blacken a square in each image; near the edge, part of it lies outside.

    Source: DeVries and Taylor, arXiv 1708.04552.

    Args:
        images: (n, height, width, channels), any dtype.
        centers: (n, 2) integers, row and column of each square's center.
        side: of the squares, in pixels.

    Returns:
        A new array like `images`.
    """
    height, width = images.shape[1:3]
    down = np.arange(height) - (centers[:, [0]] - side // 2)
    right = np.arange(width) - (centers[:, [1]] - side // 2)
    rows, columns = (down >= 0) & (down < side), (right >= 0) & (right < side)
    return np.where((rows[:, :, None] & columns[:, None])[..., None], 0, images)
