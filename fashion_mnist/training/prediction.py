"""What a trained Keras model answers."""

import numpy as np

from fashion_mnist.errors import InputError
from fashion_mnist.training.tf_keras import keras


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return class probabilities, float32 (n, classes), of images.

    Raises:
        InputError: the model's outputs are not probabilities.
    """
    probabilities = model.predict(images, batch_size=1000, verbose=0)
    if not (probabilities.min() >= 0 and np.allclose(probabilities.sum(axis=1), 1, atol=1e-3)):
        raise InputError(
            f"model {model.name}: outputs from {probabilities.min():.3g} to "
            f"{probabilities.max():.3g}, expected probabilities that sum to 1; train it again"
        )
    return probabilities


def mirror_averaged(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return the means of what `predict` says of the images and of their mirror images."""
    return (predict(model, images) + predict(model, images[:, :, ::-1])) / 2
