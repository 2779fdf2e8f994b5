import struct

import numpy as np
import pandas as pd
import pytest
from conftest import SPEC, made_images
from PIL import Image, ImageColor

from fashion_mnist.dataset.splits import Split
from fashion_mnist.evaluation import metrics, plots

RAW, LABELS = made_images(25, seed=4)
SPLIT = Split(RAW[..., None] / np.float32(255), LABELS, SPEC)
FEW = SPLIT.take(np.arange(3))
ANSWERS = np.random.default_rng(5).dirichlet(np.ones(10), 25)
TABLE = metrics.predictions(ANSWERS, LABELS, SPEC.classes)
COLOUR = Split(
    np.random.default_rng(6).random((3, 16, 16, 3), np.float32),
    np.array([0, 1, 3], np.uint8),
    SPEC.model_copy(update={"classes": list("abcd"), "side": 16, "channels": 3, "cut_out": False}),
)
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
    "samples": lambda path: plots.samples(path, SPLIT, rows=5),
    "curves": lambda path: plots.curves(path, {"mlp": HISTORY, "cnn": HISTORY}),
    "confusion": lambda path: plots.confusion(
        path, np.eye(10, dtype=int) * 7, SPEC.classes, "title"
    ),
    "predictions": lambda path: plots.predictions(path, SPLIT, TABLE, "title"),
    "no mistakes": lambda path: plots.predictions(
        path, SPLIT.take(np.arange(0)), TABLE[:0], "title"
    ),
    "feature maps": lambda path: plots.feature_maps(
        path, FEW, np.zeros((3, 6, 6, 4), np.float32), "title"
    ),
    "kernels": lambda path: plots.kernels(path, np.ones((3, 3, 1, 12), np.float32), "title"),
    "similar items": lambda path: plots.similar_items(
        path, FEW, [SPLIT.take(np.arange(2, 6))] * 3, "title"
    ),
    "samples in colour": lambda path: plots.samples(path, COLOUR, rows=2),
    "confusion of four": lambda path: plots.confusion(
        path, np.eye(4, dtype=int), COLOUR.spec.classes, "title"
    ),
    "feature maps in colour": lambda path: plots.feature_maps(
        path, COLOUR, np.zeros((3, 6, 6, 4), np.float32), "title"
    ),
    "kernels in colour": lambda path: plots.kernels(
        path, np.ones((3, 3, 3, 12), np.float32), "title"
    ),
    "similar items in colour": lambda path: plots.similar_items(
        path, COLOUR, [COLOUR] * 3, "title"
    ),
    "explanation": lambda path: plots.explanation(
        path, [("picture", RAW[0]), ("28x28", RAW[0])], [{"class": "Bag", "probability": 0.7}]
    ),
}


def chunks(png: bytes) -> dict[bytes, bytes]:
    found, position = {}, 8
    while position < len(png):
        (length,) = struct.unpack(">I", png[position : position + 4])
        found[png[position + 4 : position + 8]] = png[position + 8 : position + 8 + length]
        position += length + 12
    return found


@pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)
def test_a_plot_drawn_twice_has_the_same_bytes_and_names_no_software(draw, tmp_path):
    draw(tmp_path / "one.png")
    draw(tmp_path / "two.png")
    png = (tmp_path / "one.png").read_bytes()
    assert png == (tmp_path / "two.png").read_bytes()
    assert b"tEXt" not in chunks(png)
    width, height = struct.unpack(">II", chunks(png)[b"IHDR"][:8])
    # Wide enough to be read, small enough for a README.
    assert 250 <= width <= 2400
    assert 100 <= height <= 2400


def test_wrong_predictions_are_red_and_right_ones_green(tmp_path):
    def colours(of_answers: np.ndarray) -> set[tuple[int, int, int]]:
        table = metrics.predictions(np.eye(10)[of_answers[:3]], FEW.labels, SPEC.classes)
        plots.predictions(tmp_path / "plot.png", FEW, table, "title")
        pixels = np.asarray(Image.open(tmp_path / "plot.png").convert("RGB"))
        return set(map(tuple, pixels.reshape(-1, 3).tolist()))

    green, red = ImageColor.getrgb(plots.RIGHT), ImageColor.getrgb(plots.WRONG)
    assert {green, red} & colours(LABELS) == {green}
    assert {green, red} & colours((LABELS + 1) % 10) == {red}
