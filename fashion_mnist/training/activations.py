"""What the units of a trained network do with images."""

import numpy as np

from fashion_mnist.backend import keras
from fashion_mnist.errors import InputError


def rectified_layers(model: keras.Model) -> list[str]:
    """Return the names of the ReLU layers, in the order of the network.

    Raises:
        InputError: there is none behind a convolution.
    """
    names = [layer.name for layer in model.layers if isinstance(layer, keras.layers.ReLU)]
    if not names or not any(isinstance(x, keras.layers.Conv2D) for x in model.layers):
        raise InputError(
            f"model {model.name}: no ReLU layers behind convolutions; make it again with "
            "`dvc repro --force --single-item train_cnn`"
        )
    return names


def positions(names: list[str], name: str) -> list[str]:
    """Say which of first, middle and last a layer is; in a short network, several at once."""
    # A third of the way in, maps are still large enough to be looked at.
    middle = min(max(1, len(names) // 3), len(names) - 1)
    chosen = {"first": names[0], "middle": names[middle], "last": names[-1]}
    return [position for position, its_name in chosen.items() if its_name == name]


def of_layer(model: keras.Model, name: str, images: np.ndarray) -> np.ndarray:
    """Return a layer's output for images (n, 28, 28, 1): float32 (n, height, width, units)."""
    part = keras.Model(model.input, model.get_layer(name).output)
    return part.predict(images, batch_size=500, verbose=0)


def first_kernels(model: keras.Model) -> np.ndarray:
    """Return the kernels of the first convolution, float32 (height, width, 1, units)."""
    return next(x for x in model.layers if isinstance(x, keras.layers.Conv2D)).get_weights()[0]


def activity(maps: np.ndarray) -> dict[str, float]:
    """Say how busy a layer is; `maps` is float32 (n, height, width, units), not negative.

    Returns:
        active_share: positions of maps above zero, as a share of all.
        active_units_per_image: units that are above zero anywhere in an image, mean share.
        dead_units: units that are above zero in no image, share.
    """
    awake = (maps > 0).any(axis=(1, 2))
    return {
        "active_share": float((maps > 0).mean()),
        "active_units_per_image": float(awake.mean()),
        "dead_units": float((~awake.any(axis=0)).mean()),
    }
