"""The networks, as plain functional Keras models, and their files."""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from fashion_mnist.backend import keras, tf
from fashion_mnist.dataset import CLASS_NAMES, IMAGE_SHAPE
from fashion_mnist.errors import InputError
from fashion_mnist.files import whole
from fashion_mnist.params import CNN, MLP

layers = keras.layers


def mlp(params: MLP) -> keras.Model:
    """Build the MLP: images (n, 28, 28, 1) -> class probabilities (n, 10), float32."""
    inputs = keras.Input(IMAGE_SHAPE, name="images")
    x = layers.Flatten()(inputs)
    return keras.Model(inputs, _classify(x, params.hidden_units, params.dropout_rate), name="mlp")


def cnn(params: CNN) -> keras.Model:
    """Build the CNN: images (n, 28, 28, 1) -> class probabilities (n, 10), float32.

    Each convolution is followed by [dropout,] [max pooling,] [batch normalisation,] ReLU. Pooling
    before ReLU gives the same numbers as after it (both keep the order of values), for a quarter
    of the work; likewise dropout.
    """
    inputs = keras.Input(IMAGE_SHAPE, name="images")
    x = inputs
    for position, (filters, padding) in enumerate(
        zip(params.filters, params.paddings, strict=True), start=1
    ):
        x = layers.Conv2D(
            filters,
            params.kernel_size,
            padding=padding,
            use_bias=not params.batch_normalization,
            name=f"conv{position}",
        )(x)
        if position in params.pool_after:
            x = layers.Dropout(params.conv_dropout_rate)(x)
            x = layers.MaxPooling2D(name=f"pool{position}")(x)
        if params.batch_normalization:
            x = FusedBatchNormalization(name=f"norm{position}")(x)
        x = layers.ReLU(name=f"relu{position}")(x)
    x = {
        "flatten": layers.Flatten,
        "global_average_pooling": layers.GlobalAveragePooling2D,
    }[params.head](name=params.head)(x)
    return keras.Model(inputs, _classify(x, params.dense_units, params.dropout_rate), name="cnn")


def _classify(x: keras.KerasTensor, units: list[int], dropout_rate: float) -> keras.KerasTensor:
    for position, width in enumerate(units, start=1):
        x = layers.Dense(width, activation="relu", name=f"dense{position}")(x)
        x = layers.Dropout(dropout_rate)(x)
    if not units:
        x = layers.Dropout(dropout_rate)(x)
    # In bfloat16 a probability would have two digits.
    x = layers.Dense(len(CLASS_NAMES), name="logits", dtype="float32")(x)
    return layers.Softmax(name="probabilities", dtype="float32")(x)


class FusedBatchNormalization(layers.BatchNormalization):
    """Keras's layer with TensorFlow's fused operation in training.

    `python -m benchmarks.speed` measures what it saves.
    """

    def __init__(self, **kwargs: Any) -> None:
        # autocast=False keeps the statistics in float32, as the operation wants them.
        super().__init__(momentum=0.6, epsilon=1e-5, autocast=False, **kwargs)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return super().call(inputs, training=False)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma,
            offset=self.beta,
            mean=[],
            variance=[],
            epsilon=self.epsilon,
            is_training=True,
        )
        for moving, batch in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            moving.assign(self.momentum * moving + (1 - self.momentum) * batch)
        return outputs


def plain(model: keras.Model) -> keras.Model:
    """Return the same network in stock Keras layers and float32, weights included, uncompiled."""

    def stock(layer: layers.Layer) -> layers.Layer:
        kind = (
            layers.BatchNormalization if isinstance(layer, FusedBatchNormalization) else type(layer)
        )
        return kind.from_config({**layer.get_config(), "dtype": "float32"})

    twin = keras.models.clone_model(model, clone_function=stock)
    twin.set_weights(model.get_weights())
    # clone_model compiles the twin like the original; the file would hold an optimizer.
    return keras.Model(twin.input, twin.output, name=model.name)


def save(model: keras.Model, path: Path) -> None:
    """Write `plain(model)` as a .keras file; the same network gives the same bytes."""
    with whole(path) as partial:
        plain(model).save(partial)
        partial.write_bytes(_without_circumstances(partial.read_bytes()))


def _without_circumstances(archive: bytes) -> bytes:
    """Take out what Keras writes besides the network: dates, memory addresses, zip times."""
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    metadata = json.loads(members["metadata.json"])
    members["metadata.json"] = json.dumps({**metadata, "date_saved": "1980-01-01"}).encode()
    members["config.json"] = _number_addresses(members["config.json"])
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, member in members.items():
            file.writestr(zipfile.ZipInfo(name), member)
    return content.getvalue()


def _number_addresses(config: bytes) -> bytes:
    numbers: dict[bytes, bytes] = {}
    return re.sub(
        rb'(?<="shared_object_id": )\d+',
        lambda match: numbers.setdefault(match[0], str(len(numbers)).encode()),
        config,
    )


def load(path: Path) -> keras.Model:
    """Load a network that `save` wrote.

    Raises:
        InputError: the file is missing, truncated, foreign, or for other images or classes.
    """
    again = f"make it again with `dvc repro --force --single-item train_{path.stem}`"
    if not path.exists():
        raise InputError(f"{path}: not found; make it with `dvc repro train_{path.stem}`")
    try:
        model = keras.saving.load_model(path, compile=False)
        shapes = (model.input_shape, model.output_shape)
    except Exception as error:  # Keras lets through whatever zip, JSON and HDF5 raise.
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise InputError(f"{path}: not a whole Keras model ({reason[0]}); {again}") from None
    expected = ((None, *IMAGE_SHAPE), (None, len(CLASS_NAMES)))
    if shapes != expected:
        raise InputError(f"{path}: input and output shapes {shapes}, expected {expected}; {again}")
    return model


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return class probabilities, float32 (n, 10), of images (n, 28, 28, 1).

    Raises:
        InputError: what the model gives is no probabilities.
    """
    probabilities = model.predict(images, batch_size=1000, verbose=0)
    if not (probabilities.min() >= 0 and np.allclose(probabilities.sum(axis=1), 1, atol=1e-3)):
        raise InputError(
            f"model {model.name}: outputs from {probabilities.min():.3g} to "
            f"{probabilities.max():.3g}, expected probabilities that sum to 1; train it again"
        )
    return probabilities
