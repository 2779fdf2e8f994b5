"""Which part of a picture an answer rests on.

Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks",
arXiv 1311.2901, section 4.2: cover a part, and see what becomes of the probability.
"""

import numpy as np

from fashion_mnist.classifier import Classifier

COVER = 6  # pixels on a side
STRIDE = 2


def occlusion(classifier: Classifier, image: np.ndarray) -> np.ndarray:
    """Return how much the likeliest class loses where the picture is covered.

    Args:
        classifier: of uint8 (n, 28, 28).
        image: uint8 (28, 28).

    Returns:
        float64 (28, 28): the mean fall of the class's probability over the covers on each pixel;
        negative where covering raises it.
    """
    height, width = image.shape
    # Covers reach over the edges, so that every pixel is under equally many.
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
    probabilities = classifier(covered).probabilities
    of_class = probabilities[:, probabilities[0].argmax()]
    falls = np.zeros(image.shape)
    for area, probability in zip(areas, of_class[1:], strict=True):
        falls[area] += of_class[0] - probability
    return falls / (COVER // STRIDE) ** 2
