"""Temperature scaling: probabilities that match how often the answers are right.

Source: Guo et al., "On Calibration of Modern Neural Networks", arXiv 1706.04599, section 4.2.
"""

import numpy as np
from scipy import optimize


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature that maximizes the likelihood of held-out labels.

    Args:
        probabilities: float32 (n, 10), of images that the model was not trained on.
        labels: uint8 (n,).
    """

    def loss(log_temperature: float) -> float:
        calibrated = apply(probabilities, np.exp(log_temperature))
        of_label = calibrated[np.arange(len(labels)), labels]
        return -float(np.log(np.maximum(of_label, np.finfo(float).tiny)).mean())

    return float(np.exp(optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def apply(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return softmax(logits / temperature), float64 (n, 10), from the probabilities (n, 10)."""
    logits = np.log(np.maximum(probabilities.astype(float), np.finfo(np.float32).tiny))
    cooled = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    return cooled / cooled.sum(axis=1, keepdims=True)
