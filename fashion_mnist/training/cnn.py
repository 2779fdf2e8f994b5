"""The convolutional neural network."""

from fashion_mnist.dataset.spec import Spec
from fashion_mnist.params.cnn import CNN
from fashion_mnist.training import ensemble
from fashion_mnist.training.batch_normalization import FusedBatchNormalization
from fashion_mnist.training.classifier_head import classify
from fashion_mnist.training.tf_keras import keras

layers = keras.layers


def build(params: CNN, spec: Spec) -> keras.Model:
    """Build the CNN: images (n, side, side, channels) -> class probabilities (n, classes).

    Several members answer with the mean of their probabilities. The names that the layers of the
    first one have end in `_2` for the second one, and so on.
    """
    inputs = keras.Input(spec.image_shape, name="images")
    members = [
        _member(inputs, params, spec, f"_{number}" if number > 1 else "")
        for number in range(1, params.members + 1)
    ]
    return keras.Model(inputs, ensemble.mean_of(members), name=params.section)


def _member(inputs: keras.KerasTensor, params: CNN, spec: Spec, suffix: str) -> keras.KerasTensor:
    """Return the class probabilities of a network whose layers' names have a suffix.

    The order of a block is convolution, dropout, max pooling, batch normalization, ReLU, where
    dropout and pooling stand only after the convolutions in `pool_after`. Pooling before ReLU
    gives the same numbers as pooling after it, for a quarter of the work, because ReLU keeps the
    order of values. The same holds for dropout.
    """
    x = inputs
    for position, (filters, padding) in enumerate(
        zip(params.filters, params.paddings, strict=True), start=1
    ):
        x = layers.Conv2D(
            filters,
            params.kernel_size,
            padding=padding,
            use_bias=not params.batch_normalization,
            name=f"conv{position}{suffix}",
        )(x)
        if position in params.pool_after:
            x = layers.Dropout(params.conv_dropout_rate)(x)
            x = layers.MaxPooling2D(name=f"pool{position}{suffix}")(x)
        if params.batch_normalization:
            x = FusedBatchNormalization(name=f"norm{position}{suffix}")(x)
        x = layers.ReLU(name=f"relu{position}{suffix}")(x)
    if params.head == "flatten":
        x = layers.Flatten(name=f"{params.head}{suffix}")(x)
    else:
        x = layers.GlobalAveragePooling2D(name=f"{params.head}{suffix}")(x)
    return classify(x, spec, params.dense_units, params.dropout_rate, suffix)
