import numpy as np
import pytest

from fashion_mnist.evaluation import calibration


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_temperature_that_blurred_the_probabilities_is_found(temperature):
    rng = np.random.default_rng(0)
    logits = 2 * rng.standard_normal((20_000, 10))
    honest = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (honest.cumsum(axis=1) < rng.random((len(honest), 1))).sum(axis=1)
    blurred = calibration.apply(honest, 1 / temperature)
    assert calibration.fit_temperature(blurred, labels) == pytest.approx(temperature, rel=0.05)


def test_scaling_keeps_order_and_sum_even_where_probabilities_are_zero():
    rows = np.array([[0.0, 0.3, 0.7], [1.0, 0.0, 0.0]], np.float32)
    scaled = calibration.apply(rows, 0.5)
    np.testing.assert_allclose(scaled, [[0, 9 / 58, 49 / 58], [1, 0, 0]], atol=1e-9)
