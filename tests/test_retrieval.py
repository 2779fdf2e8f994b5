import numpy as np
import pytest

from fashion_mnist.evaluation import retrieval


def test_two_queries_by_hand():
    gallery = np.array([[1, 0], [1, 0.1], [1, 0.5], [0, 1]], np.float32)
    found = retrieval.retrieval(
        gallery, np.array([0, 1, 0, 1]), np.array([[1, 0], [0, 1]], np.float32), np.array([0, 0])
    )
    # Relevant are ranks 1 and 3 for the first query, 2 and 4 for the second.
    assert found["precision_at_1"].tolist() == [1, 0]
    assert found["average_precision"] == pytest.approx([(1 + 2 / 3) / 2, (1 / 2 + 2 / 4) / 2])


def test_precision_at_10_looks_at_ten():
    gallery = np.array([[1, position / 100] for position in range(20)], np.float32)
    labels = (np.arange(20) >= 4).astype(int)
    found = retrieval.retrieval(gallery, labels, np.array([[1, 0]], np.float32), np.array([0]))
    assert found["precision_at_10"].tolist() == [0.4]
