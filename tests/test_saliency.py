import numpy as np
import pytest

from fashion_mnist.inference import saliency
from fashion_mnist.inference.onnx_model import Answer


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 3)])
def test_the_part_that_decides_stands_out(shape):
    def model(images: np.ndarray) -> Answer:
        """Answer class 1 by the light in one corner."""
        light = images[:, :4, :4].reshape(len(images), -1).mean(axis=1) / 255
        return Answer(np.stack([1 - light, light], axis=1), np.zeros((len(images), 1)))

    losses = saliency.occlusion(model, np.full(shape, 255, np.uint8))
    assert losses.shape == (28, 28)
    assert losses[:2, :2].min() > 0.3
    assert losses[12:].max() == losses[:, 12:].max() == pytest.approx(0)
    assert losses.argmax() == 0 or losses[:4, :4].max() == losses.max()


def test_a_part_whose_cover_helps_is_negative():
    def model(images: np.ndarray) -> Answer:
        dark = 1 - images[:, -4:].mean(axis=(1, 2)) / 510
        return Answer(np.stack([dark, 1 - dark], axis=1), np.zeros((len(images), 1)))

    losses = saliency.occlusion(model, np.full((28, 28), 255, np.uint8))
    assert losses[-2:].max() < 0
