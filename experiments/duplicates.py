"""Find near-duplicates among the images: `python -m experiments.duplicates`.

It looks for the most similar training image of every test image and of every training image, and
writes experiments/duplicates.json, the counts, and experiments/duplicates.csv, the pairs.

Two images are compared as vectors of pixels, scaled to length 1, so that a darker print of the same
photograph is near. A plain pair of trousers is near to hundreds of others without being a copy, so
a distance alone tells little. What tells is the ratio of the distances to the nearest and to the
tenth nearest training image: a near-duplicate is much nearer than what else looks alike. Source of
such a ratio: Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", International
Journal of Computer Vision 60 (2004), section 7.1.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from experiments import folds
from fashion_mnist import command, files, progress, tables
from fashion_mnist.dataset import splits
from fashion_mnist.inference.onnx_model import FEATURES, OnnxModel
from fashion_mnist.inference.similarity import unit_length

COUNTS, PAIRS = Path("experiments/duplicates.json"), Path("experiments/duplicates.csv")
OTHERS = 10  # the ratio compares with the distance to this neighbour, counted from 1
# Up to this ratio a pair is a near-duplicate; docs/labels.md says why.
NEAR = 0.5
LISTED = 0.7  # the greatest ratio in PAIRS
BIN = 0.02  # the width of a bar in the histogram of ratios
BATCH_SIZE = 1000  # their distances to all training images take 240 MB


class Neighbours(NamedTuple):
    """The nearest image of each query.

    positions: int64 (n,), in the gallery; ratios: float32 (n,), of its distance to that of the
    neighbour number OTHERS.
    """

    positions: np.ndarray
    ratios: np.ndarray


def nearest(queries: np.ndarray, gallery: np.ndarray, is_gallery: bool = False) -> Neighbours:
    """Find the nearest gallery image of each query by the angle between their vectors.

    Args:
        queries: float32 (n, ...).
        gallery: float32 (m, ...), with m > OTHERS.
        is_gallery: whether the queries are the gallery; no image is then its own neighbour.
    """
    gallery = unit_length(gallery.reshape(len(gallery), -1))
    queries = unit_length(queries.reshape(len(queries), -1))
    found = []
    for start in range(0, len(queries), BATCH_SIZE):
        batch = queries[start : start + BATCH_SIZE]
        cosines = batch @ gallery.T
        if is_gallery:
            rows = np.arange(len(batch))
            cosines[rows, start + rows] = -np.inf
        best = np.argpartition(-cosines, OTHERS - 1, axis=1)[:, :OTHERS]
        # Differences of vectors, because 2 - 2 cosines has too few digits for near-duplicates.
        distances = np.linalg.norm(gallery[best] - batch[:, None], axis=2)
        order = distances.argsort(axis=1, kind="stable")
        distances = np.take_along_axis(distances, order, axis=1)
        last = np.maximum(distances[:, -1], np.finfo(np.float32).tiny)
        positions = np.take_along_axis(best, order[:, :1], axis=1)[:, 0]
        found.append(Neighbours(positions, distances[:, 0] / last))
    return Neighbours(*map(np.concatenate, zip(*found, strict=True)))


def identical(images: np.ndarray, others: np.ndarray | None = None) -> int:
    """Count the images whose pixels are all those of another image.

    Args:
        images: uint8 (n, 28, 28).
        others: uint8 (m, 28, 28), among which to look; by default the images before each one.
    """
    seen = set() if others is None else {image.tobytes() for image in others}
    count = 0
    for image in images:
        count += image.tobytes() in seen
        if others is None:
            seen.add(image.tobytes())
    return count


def counts(found: Neighbours, labels: np.ndarray, gallery_labels: np.ndarray) -> dict[str, Any]:
    """Count the near-duplicates, with the same label and with another, and the ratios by bin.

    Args:
        found: for n queries.
        labels: uint8 (n,), of the queries.
        gallery_labels: uint8 (m,).
    """
    is_near, same = found.ratios <= NEAR, gallery_labels[found.positions] == labels
    edges = np.arange(round(1 / BIN) + 1) * BIN
    return {
        "images": len(labels),
        "near": int(is_near.sum()),
        "same_label": int((is_near & same).sum()),
        "other_label": int((is_near & ~same).sum()),
        "ratios": np.histogram(found.ratios, edges)[0].tolist(),
        "ratios_other_label": np.histogram(found.ratios[~same], edges)[0].tolist(),
    }


def listed(name: str, found: Neighbours) -> pd.DataFrame:
    """Return the pairs with a ratio of at most LISTED, the nearest first."""
    chosen = np.flatnonzero(found.ratios <= LISTED)
    chosen = chosen[found.ratios[chosen].argsort(kind="stable")]
    return pd.DataFrame(
        {
            "split": name,
            "image": chosen,
            "training_image": found.positions[chosen],
            "ratio": found.ratios[chosen].round(4),
        }
    )


def main() -> None:
    train, test = folds.original()
    progress.say("duplicates: the nearest training image of each test image")
    of_test = nearest(test.images, train.images)
    mirrored = nearest(test.images[:, :, ::-1], train.images)
    progress.say("duplicates: the nearest training image of each training image")
    of_train = nearest(train.images, train.images, is_gallery=True)
    pixels, test_pixels = splits.to_pixels(train.images), splits.to_pixels(test.images)
    progress.say("duplicates: the same by the CNN's features")
    model = OnnxModel(Path("models/cnn.onnx"))
    (features,), (test_features,) = (
        model.outputs([FEATURES], images) for images in (pixels, test_pixels)
    )
    by_features = nearest(test_features, features)
    is_near = of_test.ratios <= NEAR
    files.write_json(
        COUNTS,
        {
            "identical": {
                "test_in_train": identical(test_pixels, pixels),
                "within_test": identical(test_pixels),
                "within_train": identical(pixels),
            },
            "pixels": counts(of_test, test.labels, train.labels),
            "mirrored": counts(mirrored, test.labels, train.labels),
            "features": {
                **counts(by_features, test.labels, train.labels),
                "near_by_pixels_too": int((is_near & (by_features.ratios <= NEAR)).sum()),
            },
            "within_train": counts(of_train, train.labels, train.labels),
        },
    )
    found = {"test": of_test, "train": of_train}
    tables.write(PAIRS, pd.concat([listed(name, pairs) for name, pairs in found.items()]))


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
