import struct

import numpy as np
import pandas as pd
import pytest
from conftest import made_images

from fashion_mnist import figures

RAW, LABELS = made_images(25, seed=4)
IMAGES = RAW[..., None] / np.float32(255)
PROBABILITIES = np.random.default_rng(5).dirichlet(np.ones(10), 25)
HISTORY = pd.DataFrame(
    {
        "epoch": [1, 2],
        "train_accuracy": [0.5, 0.6],
        "val_accuracy": [0.4, 0.5],
        "train_loss": [1.0, 0.8],
        "val_loss": [1.2, 1.1],
    }
)

DRAW = {
    "samples": lambda path: figures.samples(path, IMAGES, LABELS, rows=5),
    "curves": lambda path: figures.curves(path, {"mlp": HISTORY, "cnn": HISTORY}),
    "confusion": lambda path: figures.confusion(path, np.eye(10, dtype=int) * 7, "title"),
    "predictions": lambda path: figures.predictions(path, IMAGES, LABELS, PROBABILITIES, "title"),
    "no mistakes": lambda path: figures.predictions(
        path, IMAGES[:0], LABELS[:0], PROBABILITIES[:0], "title"
    ),
    "feature maps": lambda path: figures.feature_maps(
        path, IMAGES[:3], LABELS[:3], np.zeros((3, 6, 6, 4), np.float32), "title"
    ),
    "kernels": lambda path: figures.kernels(path, np.ones((3, 3, 1, 12), np.float32), "title"),
}


def chunks(png: bytes) -> dict[bytes, bytes]:
    found, position = {}, 8
    while position < len(png):
        (length,) = struct.unpack(">I", png[position : position + 4])
        found[png[position + 4 : position + 8]] = png[position + 8 : position + 8 + length]
        position += length + 12
    return found


@pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)
def test_drawn_twice_the_bytes_are_the_same_and_name_no_software(draw, tmp_path):
    draw(tmp_path / "one.png")
    draw(tmp_path / "two.png")
    png = (tmp_path / "one.png").read_bytes()
    assert png == (tmp_path / "two.png").read_bytes()
    assert b"tEXt" not in chunks(png)
    width, height = struct.unpack(">II", chunks(png)[b"IHDR"][:8])
    # Wide enough to be read, small enough for a README.
    assert 250 <= width <= 2400
    assert 100 <= height <= 2400


def test_a_wrong_prediction_looks_different_from_a_right_one(tmp_path):
    right = np.eye(10)[LABELS]
    wrong = np.eye(10)[(LABELS + 1) % 10]
    figures.predictions(tmp_path / "right.png", IMAGES, LABELS, right, "title")
    figures.predictions(tmp_path / "wrong.png", IMAGES, LABELS, wrong, "title")
    assert (tmp_path / "right.png").read_bytes() != (tmp_path / "wrong.png").read_bytes()
