import numpy as np
import pytest

from fashion_mnist.training import muon
from fashion_mnist.training.tf_keras import keras, tf


@pytest.mark.parametrize("shape", [(9, 32), (288, 64), (64, 64)], ids=["wide", "tall", "square"])
def test_orthogonal_brings_singular_values_near_one_and_keeps_directions(shape):
    matrix = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    result = muon._orthogonal(tf.constant(matrix)).numpy()
    assert result.shape == shape
    values = np.linalg.svd(result, compute_uv=False)
    assert np.median(values) == pytest.approx(1, abs=0.3)
    assert values.max() < 1.3
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    nearest = left @ right  # the orthogonal matrix that it approaches
    alike = (result * nearest).sum() / np.linalg.norm(result) / np.linalg.norm(nearest)
    assert alike > 0.95


def steps_of(optimizer: keras.Optimizer, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a convolution's kernel and a matrix after steps along fixed gradients."""
    rng = np.random.default_rng(1)
    kernel, dense = (
        keras.Variable(rng.normal(size=shape).astype(np.float32))
        for shape in ((3, 3, 4, 8), (8, 10))
    )
    gradients = [tf.constant(rng.normal(size=v.shape), tf.float32) for v in (kernel, dense)]
    optimizer.build([kernel, dense])
    for _ in range(count):
        optimizer.apply(gradients)
    return kernel.numpy(), dense.numpy()


def test_muon_is_adamw_but_for_the_kernels_of_convolutions():
    kernel, dense = steps_of(muon.Muon(0.01, weight_decay=0.1), 3)
    adamw_kernel, adamw_dense = steps_of(keras.optimizers.AdamW(0.01, weight_decay=0.1), 3)
    np.testing.assert_array_equal(dense, adamw_dense)
    assert not np.allclose(kernel, adamw_kernel, atol=0.01)


def test_a_step_of_muon_turns_every_filter_by_the_learning_rate():
    still, _ = steps_of(muon.Muon(0.0), 1)
    moved, _ = steps_of(muon.Muon(0.02), 1)
    np.testing.assert_allclose(np.linalg.norm(still), 8**0.5, rtol=1e-5)  # 8 filters of length 1
    lengths = np.linalg.norm((moved - still).reshape(-1, 8), axis=0)
    np.testing.assert_allclose(lengths, 4 * 0.02, rtol=0.35)
