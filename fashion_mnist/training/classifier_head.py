"""The end of every model: dense layers, then class probabilities."""

from fashion_mnist.dataset.spec import CLASS_NAMES
from fashion_mnist.training.tf_keras import keras

layers = keras.layers


def classify(x: keras.KerasTensor, units: list[int], dropout_rate: float) -> keras.KerasTensor:
    """Return class probabilities, float32 (n, 10), behind dense layers with ReLU and dropout."""
    for position, width in enumerate(units, start=1):
        x = layers.Dense(width, activation="relu", name=f"dense{position}")(x)
        x = layers.Dropout(dropout_rate)(x)
    if not units:
        x = layers.Dropout(dropout_rate)(x)
    # float32, because a probability in bfloat16 has only two digits.
    x = layers.Dense(len(CLASS_NAMES), name="logits", dtype="float32")(x)
    return layers.Softmax(name="probabilities", dtype="float32")(x)
