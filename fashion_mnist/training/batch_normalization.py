"""Batch normalization that is fast on processors."""

from typing import Any

from fashion_mnist.training.tf_keras import keras, tf


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras's layer, trained by TensorFlow's fused operation.

    `python -m benchmarks.speed` measures what it saves.
    """

    def __init__(self, **kwargs: Any) -> None:
        # autocast=False keeps the statistics in float32, which the operation expects.
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
