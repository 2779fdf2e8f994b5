"""Muon: AdamW with orthogonal steps for the kernels of convolutions."""

from fashion_mnist.training.tf_keras import keras, tf


# Keras clones compiled models with their optimizers, which it finds by registered names.
@keras.saving.register_keras_serializable("fashion_mnist")
class Muon(keras.optimizers.AdamW):
    """AdamW, with another step for the kernels of convolutions.

    A kernel is read as a matrix with one column per filter. Its step is the momentum with all
    singular values near 1, so every direction moves by the same amount. Before the step the kernel
    is scaled to filters of mean length 1, so the step alone decides how far they turn.

    Source: Jordan et al., https://kellerjordan.github.io/posts/muon; momentum, scaling and three
    Newton-Schulz iterations as in airbench94_muon, github.com/KellerJordan/cifar10-airbench.
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
        # Kernels do best at four times AdamW's rate; the factor lets one learning rate serve both.
        variable.assign(kernel - 4 * learning_rate * tf.reshape(step, variable.shape))


def _orthogonal(matrix: tf.Tensor) -> tf.Tensor:
    """Bring the singular values of `matrix` near 1, by three Newton-Schulz iterations.

    They run in the precision of the model; bfloat16 is enough.
    """
    is_wide = matrix.shape[0] <= matrix.shape[1]
    x = tf.cast(matrix / (tf.norm(matrix) + 1e-7), keras.config.dtype_policy().compute_dtype)
    x = x if is_wide else tf.transpose(x)
    for _ in range(3):
        square = tf.matmul(x, x, transpose_b=True)
        x = 3.4445 * x + (2.0315 * square @ square - 4.775 * square) @ x
    return tf.cast(x if is_wide else tf.transpose(x), matrix.dtype)
