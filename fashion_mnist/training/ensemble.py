"""Networks that learn side by side, each from its own loss, and answer together.

Source: Lakshminarayanan, Pritzel, Blundell, "Simple and Scalable Predictive Uncertainty Estimation
using Deep Ensembles", arXiv 1612.01474. All members see the same batches here; their initial
weights differ.
"""

from collections.abc import Sequence

from fashion_mnist.training.tf_keras import keras, tf


def averaged(members: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
    """Return the mean of members' class probabilities (n, classes); a single one is its own."""
    return keras.layers.Average(dtype="float32")(members) if len(members) > 1 else members[0]


def members(model: keras.Model) -> list[keras.KerasTensor]:
    """Return the class probabilities of each member; those of the model if it has none."""
    last = model.layers[-1]
    return last.input if isinstance(last, keras.layers.Average) else [model.output]


def compiled(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, label_smoothing: float
) -> keras.Model:
    """Return what is trained: the model, or another one that shares its members' weights."""
    of_members = members(model)
    learner, loss, accuracy = model, keras.losses.CategoricalCrossentropy, "accuracy"
    if len(of_members) > 1:
        learner = keras.Model(model.input, keras.ops.stack(of_members, axis=1), name=model.name)
        loss = _MeanLoss
        accuracy = keras.metrics.MeanMetricWrapper(_is_mean_right, name=accuracy)
    learner.compile(
        optimizer,
        loss(label_smoothing=label_smoothing),
        metrics=[accuracy],
        jit_compile=False,  # XLA is two to three times slower on processors
    )
    return learner


class _MeanLoss(keras.losses.CategoricalCrossentropy):
    """The mean of the members' losses."""

    def call(self, labels: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
        """Return losses (n, members), of labels (n, classes) and (n, members, classes)."""
        repeated = tf.broadcast_to(labels[:, None], tf.shape(probabilities))
        return super().call(repeated, probabilities)


def _is_mean_right(labels: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
    """Return whether the mean of the members' answers is right, (n,)."""
    return keras.metrics.categorical_accuracy(labels, tf.reduce_mean(probabilities, axis=1))
