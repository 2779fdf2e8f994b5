"""The parts of a picture that an answer rests on.

Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks",
arXiv 1311.2901, section 4.2: cover a part, and measure how the probability changes.
"""

import numpy as np

from fashion_mnist.inference.onnx_model import OnnxModel

COVER = 6  # pixels on a side
STRIDE = 2


def occlusion(model: OnnxModel, image: np.ndarray) -> np.ndarray:
    """Return how much probability the top class loses where the picture is covered.

    Args:
        model: an exported model.
        image: uint8, as the model reads it.

    Returns:
        float64 (side, side): for each pixel, the mean loss over the covers that hide it; negative
        where covering raises the probability.
    """
    height, width = image.shape[:2]
    # Covers reach over the edges, so equally many hide each pixel.
    corners = [
        (top, left)
        for top in range(STRIDE - COVER, height, STRIDE)
        for left in range(STRIDE - COVER, width, STRIDE)
    ]
    areas = [
        (slice(max(top, 0), top + COVER), slice(max(left, 0), left + COVER))
        for top, left in corners
    ]
    covered = np.repeat(image[None], 1 + len(areas), axis=0)
    for picture, area in zip(covered[1:], areas, strict=True):
        picture[area] = 0
    probabilities = model(covered).probabilities
    of_class = probabilities[:, probabilities[0].argmax()]
    losses = np.zeros((height, width))
    for area, probability in zip(areas, of_class[1:], strict=True):
        losses[area] += of_class[0] - probability
    return losses / (COVER // STRIDE) ** 2
