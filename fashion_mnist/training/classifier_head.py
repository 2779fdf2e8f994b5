"""The end of every model: dense layers, then class probabilities."""

from collections.abc import Sequence

from fashion_mnist.dataset.spec import Spec
from fashion_mnist.training.tf_keras import keras

layers = keras.layers


def classify(
    x: keras.KerasTensor,
    spec: Spec,
    units: Sequence[int] = (),
    dropout_rate: float = 0.0,
    suffix: str = "",
) -> keras.KerasTensor:
    """Return class probabilities, float32 (n, classes), behind dense layers, ReLU and dropout.

    The names that layers get here end in the suffix.
    """
    for position, width in enumerate(units, start=1):
        x = layers.Dense(width, activation="relu", name=f"dense{position}{suffix}")(x)
        x = layers.Dropout(dropout_rate)(x)
    if not units:
        x = layers.Dropout(dropout_rate)(x)
    # float32, because a probability in bfloat16 has only two digits.
    x = layers.Dense(len(spec.classes), name=f"logits{suffix}", dtype="float32")(x)
    return layers.Softmax(name=f"probabilities{suffix}", dtype="float32")(x)
