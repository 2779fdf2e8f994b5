"""What the units of a trained model do with images."""

import numpy as np

from fashion_mnist.errors import InputError
from fashion_mnist.training.tf_keras import keras


def relu_layers(model: keras.Model) -> list[str]:
    """Return the names of the ReLU layers, in the order of the model.

    Raises:
        InputError: the model has no ReLU layers or no convolutions.
    """
    names = [layer.name for layer in model.layers if isinstance(layer, keras.layers.ReLU)]
    if not names or not any(isinstance(x, keras.layers.Conv2D) for x in model.layers):
        raise InputError(
            f"model {model.name}: no ReLU layers behind convolutions; make it again with "
            "`dvc repro --force --single-item train_cnn`"
        )
    return names


def layers_shown(names: list[str]) -> dict[str, str]:
    """Choose what the plots show: `first`, `middle` and `last`, each with the name of a layer.

    A short model shows one layer under several names.
    """
    # A third of the way in, the maps are still large enough to look at.
    middle = min(max(1, len(names) // 3), len(names) - 1)
    return {"first": names[0], "middle": names[middle], "last": names[-1]}


def of_layer(model: keras.Model, name: str, images: np.ndarray) -> np.ndarray:
    """Return a layer's output for images: float32 (n, height, width, units)."""
    part = keras.Model(model.input, model.get_layer(name).output)
    return part.predict(images, batch_size=500, verbose=0)


def first_kernels(model: keras.Model) -> np.ndarray:
    """Return the kernels of the first convolution, float32 (height, width, channels, units)."""
    return next(x for x in model.layers if isinstance(x, keras.layers.Conv2D)).get_weights()[0]


def activity(maps: np.ndarray) -> dict[str, float]:
    """Measure how active a layer is.

    Args:
        maps: float32 (n, height, width, units), not negative.

    Returns:
        active_share: the share of all positions that are above zero.
        active_units_per_image: the mean share of units that are above zero anywhere in an image.
        dead_units: the share of units that are above zero in no image.
    """
    active = (maps > 0).any(axis=(1, 2))
    return {
        "active_share": float((maps > 0).mean()),
        "active_units_per_image": float(active.mean()),
        "dead_units": float((~active.any(axis=0)).mean()),
    }
