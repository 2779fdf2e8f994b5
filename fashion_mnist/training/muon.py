"""Muon: AdamW whose steps for the kernels of convolutions are orthogonal."""

from fashion_mnist.backend import keras, tf


# Keras copies a compiled model with its optimizer, and finds this one by its name.
@keras.saving.register_keras_serializable("fashion_mnist")
class Muon(keras.optimizers.AdamW):
    """AdamW, except for the kernels of convolutions.

    A kernel is taken as a matrix with a column for each filter. It moves by the momentum with all
    singular values brought near 1, so that no direction is left behind, and before each step it
    is scaled until its filters have length 1 on average: the step alone says how far they turn.

    Source: Jordan et al., https://kellerjordan.github.io/posts/muon; momentum, scaling and three
    Newton-Schulz steps as in airbench94_muon, github.com/KellerJordan/cifar10-airbench.
    """

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
        if len(variable.shape) != 4:
            super().update_step(gradient, variable, learning_rate)
            return
        filters = variable.shape[-1]
        momentum = self._momentums[self._get_variable_index(variable)]
        momentum.assign(0.6 * momentum + gradient)
        step = _orthogonal(tf.reshape(gradient + 0.6 * momentum, (-1, filters)))
        kernel = variable * (filters**0.5 / tf.norm(variable))
        # Four times the rate of AdamW suits them: one learning rate for all.
        variable.assign(kernel - 4 * learning_rate * tf.reshape(step, variable.shape))


def _orthogonal(matrix: tf.Tensor) -> tf.Tensor:
    """Bring the singular values of `matrix` near 1: three Newton-Schulz steps.

    They are computed in the precision of the network, and need no more than bfloat16.
    """
    is_wide = matrix.shape[0] <= matrix.shape[1]
    x = tf.cast(matrix / (tf.norm(matrix) + 1e-7), keras.config.dtype_policy().compute_dtype)
    x = x if is_wide else tf.transpose(x)
    for _ in range(3):
        square = tf.matmul(x, x, transpose_b=True)
        x = 3.4445 * x + (2.0315 * square @ square - 4.775 * square) @ x
    return tf.cast(x if is_wide else tf.transpose(x), matrix.dtype)
