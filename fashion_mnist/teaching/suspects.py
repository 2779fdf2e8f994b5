"""Pictures whose label looks wrong."""

import numpy as np
from cleanlab.filter import find_label_issues


def mislabelled(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the positions, int64, of the pictures that look mislabelled, the worst first.

    Source: Northcutt et al., "Confident Learning: Estimating Uncertainty in Dataset Labels",
    arXiv 1911.00068.

    Args:
        probabilities: float32 (n, classes), by heads that did not learn from the picture.
        labels: int64 (n,), of all classes.
    """
    return find_label_issues(
        labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1
    ).astype(int)
