import numpy as np
import pytest

from fashion_mnist import saliency
from fashion_mnist.classifier import Answer


def test_the_part_that_decides_stands_out_and_its_surroundings_do_not():
    def classifier(images: np.ndarray) -> Answer:
        """Class 1 by the light in one corner."""
        light = images[:, :4, :4].mean(axis=(1, 2)) / 255
        return Answer(np.stack([1 - light, light], axis=1), np.zeros((len(images), 1)))

    falls = saliency.occlusion(classifier, np.full((28, 28), 255, np.uint8))
    assert falls[:2, :2].min() > 0.3
    assert falls[12:].max() == falls[:, 12:].max() == pytest.approx(0)
    assert falls.argmax() == 0 or falls[:4, :4].max() == falls.max()


def test_where_covering_helps_is_negative():
    def classifier(images: np.ndarray) -> Answer:
        dark = 1 - images[:, -4:].mean(axis=(1, 2)) / 510
        return Answer(np.stack([dark, 1 - dark], axis=1), np.zeros((len(images), 1)))

    falls = saliency.occlusion(classifier, np.full((28, 28), 255, np.uint8))
    assert falls[-2:].max() < 0
