"""Networks that learn side by side, each from its own loss, and answer together.

Source: Lakshminarayanan, Pritzel, Blundell, "Simple and Scalable Predictive Uncertainty Estimation
using Deep Ensembles", arXiv 1612.01474. All members see the same batches here; their initial
weights differ.
"""

from collections.abc import Sequence

from fashion_mnist.training.tf_keras import keras, tf


def mean_of(answers: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
    """Return the mean of members' class probabilities (n, classes); one answer is unchanged."""
    return keras.layers.Average(dtype="float32")(answers) if len(answers) > 1 else answers[0]


def softmaxes(model: keras.Model) -> list[keras.Layer]:
    """Return the last layer of each member; a model without a mean is its own only member."""
    last = model.layers[-1]
    answers = last.input if isinstance(last, keras.layers.Average) else [last.output]
    return [layer for layer in model.layers if any(layer.output is each for each in answers)]


def first(model: keras.Model) -> keras.Model:
    """Return the first member, which is the model itself if it is the only one."""
    member, *others = softmaxes(model)
    return keras.Model(model.input, member.output, name=model.name) if others else model


def learner(
    model: keras.Model, label_smoothing: float
) -> tuple[keras.Model, keras.losses.Loss, str | keras.metrics.Metric]:
    """Return what trains the weights of a model, its loss, and the metric named accuracy.

    It is the model itself. For several members it is a model of their logits, (n, members,
    classes); its loss is the mean of theirs, and its accuracy that of the mean of their answers.
    """
    ends = softmaxes(model)
    if len(ends) == 1:
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing)
        return model, loss, "accuracy"
    return (
        keras.Model(
            model.input, keras.ops.stack([end.input for end in ends], axis=1), name=model.name
        ),
        _MeanLoss(from_logits=True, label_smoothing=label_smoothing),
        keras.metrics.MeanMetricWrapper(_is_mean_right, name="accuracy"),
    )


class _MeanLoss(keras.losses.CategoricalCrossentropy):
    """The mean of the members' losses."""

    def call(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Return losses (n, members), of labels (n, classes) and logits (n, members, classes)."""
        return super().call(tf.broadcast_to(labels[:, None], tf.shape(logits)), logits)


def _is_mean_right(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return whether the mean of the members' answers is right, (n,)."""
    return keras.metrics.categorical_accuracy(labels, tf.reduce_mean(tf.nn.softmax(logits), axis=1))
