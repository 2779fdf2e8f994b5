import numpy as np

from fashion_mnist.training.batch_normalization import FusedBatchNormalization
from fashion_mnist.training.tf_keras import keras


def test_fused_batch_normalization_is_that_of_keras():
    keras.config.set_dtype_policy("float32")
    fused = FusedBatchNormalization()
    fused.build((None, 5, 5, 3))
    stock = keras.layers.BatchNormalization(momentum=fused.momentum, epsilon=fused.epsilon)
    stock.build((None, 5, 5, 3))
    weights = np.random.default_rng(0).random((4, 3), dtype=np.float32) + 0.5
    fused.set_weights(weights)
    stock.set_weights(weights)
    x = np.random.default_rng(1).normal(2, 3, (16, 5, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(fused(x, training=True), stock(x, training=True), atol=1e-5)
    np.testing.assert_allclose(fused.moving_mean, stock.moving_mean, rtol=1e-5)
    # The fused operation hands over the unbiased variance: n / (n - 1).
    np.testing.assert_allclose(fused.moving_variance, stock.moving_variance, rtol=400 / 399 - 1)
    np.testing.assert_allclose(fused(x), stock(x), atol=1e-2)
