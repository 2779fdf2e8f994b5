"""How good a search for similar items is."""

import numpy as np

from fashion_mnist.inference.similarity import unit_length

# Queries at once: their cosines with all training images fit into the memory of any machine.
BATCH_SIZE = 100


def retrieval(
    gallery: np.ndarray, gallery_labels: np.ndarray, queries: np.ndarray, labels: np.ndarray
) -> dict[str, np.ndarray]:
    """Measure how often the nearest vectors by cosine share the query's class.

    Average precision covers the whole ranking, without interpolation. In a tie the
    query's class ranks first. Source: Manning, Raghavan and Schütze, "Introduction to
    Information Retrieval" (2008), section 8.4.

    Args:
        gallery: float32 (n, units).
        gallery_labels: uint8 (n,).
        queries: float32 (m, units).
        labels: uint8 (m,), of the queries; each must be a label of the gallery.

    Returns:
        For each query, float64 (m,): precision_at_1, precision_at_10, average_precision.
    """
    gallery, queries = unit_length(gallery), unit_length(queries)
    of_class = {label: gallery_labels == label for label in np.unique(labels)}
    rows = []
    for start in range(0, len(queries), BATCH_SIZE):
        cosines = queries[start : start + BATCH_SIZE] @ gallery.T
        for row, label in zip(cosines, labels[start : start + BATCH_SIZE], strict=True):
            # Sorting cosines is ten times as fast as sorting positions by them.
            relevant = np.sort(row[of_class[label]])[::-1]
            others = np.sort(row[~of_class[label]])
            better = len(others) - np.searchsorted(others, relevant, side="right")
            places = np.arange(1, len(relevant) + 1)
            ranks = better + places
            in_ten = (ranks <= 10).sum() / min(10, len(gallery))
            rows.append((ranks[0] == 1, in_ten, (places / ranks).mean()))
    names = ("precision_at_1", "precision_at_10", "average_precision")
    return dict(zip(names, np.array(rows, dtype=float).T, strict=True))
