"""The plots. Each function takes plain arrays and writes one PNG, the same bytes each time."""

import os
from collections.abc import Sequence
from itertools import cycle
from math import ceil
from pathlib import Path
from typing import Any

# Jupyter and Colab set a backend that other processes may not have; no plot is interactive.
os.environ.pop("MPLBACKEND", None)

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fashion_mnist.dataset.spec import Spec
from fashion_mnist.dataset.splits import Split
from fashion_mnist.files import atomic

RIGHT, WRONG, MUTED = "#1a7f5a", "#c8372d", "#6b7280"
CELL = 0.9  # the share of a table cell's width and height that its image fills
# In the order of the models.
MODEL_COLOURS = ("#c77d0a", "#2563c9", "#0f766e", "#9333ea", "#be123c", "#4d7c0f", "#475569")
ANSWER = "#2563c9"

# A user's matplotlibrc must not change the bytes.
matplotlib.rcParams.update(
    matplotlib.rcParamsDefault
    | {
        "figure.dpi": 100,
        "savefig.dpi": 160,
        "font.size": 9,
        "axes.titlesize": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#9ca3af",
        "axes.labelcolor": "#374151",
        "xtick.color": "#374151",
        "ytick.color": "#374151",
        "figure.constrained_layout.use": True,
    }
)


def save(path: Path, figure: Figure) -> None:
    """Write a figure as PNG, atomically."""
    with atomic(path) as partial:
        # Without the Software tag, which would differ between releases of matplotlib.
        figure.savefig(partial, format="png", metadata={"Software": None})


def _pixels(image: np.ndarray, spec: Spec) -> dict[str, Any]:
    """Return imshow's arguments for one image (side, side, channels) in [0, 1].

    What was cut out is bright on a background of 0; it is shown dark on light, as on paper.
    """
    if spec.channels > 1:
        return {"X": image}
    return {"X": image[..., 0], "cmap": "gray_r" if spec.cut_out else "gray", "vmin": 0, "vmax": 1}


def _show(axes: Axes, image: np.ndarray, spec: Spec) -> None:
    axes.imshow(**_pixels(image, spec))
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _table(width: float, height: float, title: str) -> tuple[Figure, Axes]:
    """Return a figure with one Axes for a table of images; one Axes per image would take seconds.

    Args:
        width, height: of the table, in cells.
        title: of the figure.
    """
    figure = Figure(figsize=(0.66 * width + 0.9, 0.66 * height + 0.4))
    figure.suptitle(title, fontsize=10)
    axes = figure.subplots()
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[], autoscale_on=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure, axes


def _put(axes: Axes, left: float, top: float, **options: Any) -> None:
    """Draw pixels as a square into a table; `options` are imshow's."""
    axes.imshow(extent=(left, left + CELL, top + CELL, top), **options)


def samples(path: Path, split: Split, rows: int) -> None:
    """Draw the first rows x rows images with their class names."""
    figure = Figure(figsize=(1.25 * rows, 1.45 * rows))
    grid = figure.subplots(rows, rows, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, image, label in zip(grid.flat, split.images, split.labels, strict=False):
        _show(axes, image, split.spec)
        axes.set_title(split.spec.classes[label])
    save(path, figure)


def curves(path: Path, histories: dict[str, pd.DataFrame]) -> None:
    """Draw accuracy and loss by epoch, for training and validation, one colour per model."""
    figure = Figure(figsize=(9, 3.6))
    panels = figure.subplots(1, 2)
    for axes, quantity, title in (
        (panels[0], "accuracy", "accuracy by epoch"),
        (panels[1], "loss", "loss by epoch (label smoothing raises it)"),
    ):
        for name, colour in zip(histories, cycle(MODEL_COLOURS)):
            history = histories[name]
            for column, style, split in (
                (f"train_{quantity}", "--", "training"),
                (f"val_{quantity}", "-", "validation"),
            ):
                axes.plot(
                    history["epoch"],
                    history[column],
                    style,
                    marker="o",
                    markersize=3,
                    color=colour,
                    label=f"{name.upper()}, {split}",
                )
        axes.set(xlabel="epoch", title=title)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.25)
    panels[0].legend(frameon=False, loc="lower right")
    save(path, figure)


def confusion(path: Path, counts: np.ndarray, class_names: Sequence[str], title: str) -> None:
    """Draw a confusion matrix, int (classes, classes), rows true, columns predicted, no zeros."""
    extra = 0.5 * max(0, len(class_names) - 10)  # inches, for a cell each
    figure = Figure(figsize=(6.6 + extra, 5.8 + extra))
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    # The square root makes mistakes visible, which are few compared with the diagonal.
    axes.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1)
    for true, predicted in np.argwhere(counts):
        axes.text(
            predicted,
            true,
            counts[true, predicted],
            ha="center",
            va="center",
            color="white" if shares[true, predicted] > 0.3 else "#1f2937",
        )
    positions = range(len(class_names))
    axes.set_xticks(positions, class_names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(positions, class_names)
    axes.set(xlabel="predicted class", ylabel="true class", title=title)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    save(path, figure)


def predictions(path: Path, split: Split, table: pd.DataFrame, title: str) -> None:
    """Draw images, each with the predicted class, its probability and the true class.

    Args:
        path: the PNG.
        split: the images.
        table: their predictions.
        title: of the figure.
    """
    columns = min(5, len(table)) or 1
    rows = ceil(len(table) / columns) or 1
    figure = Figure(figsize=(1.75 * columns, 1.85 * rows + 0.4))
    grid = figure.subplots(rows, columns, squeeze=False)
    figure.suptitle(title, fontsize=10)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, image, answer in zip(grid.flat, split.images, table.to_dict("records"), strict=False):
        _show(axes, image, split.spec)
        is_right = answer["predicted"] == answer["actual"]
        axes.set_title(
            f"{'✓' if is_right else '✗'} {answer['predicted']} {answer['probability']:.0%}\n"
            f"true: {answer['actual']}",
            color=RIGHT if is_right else WRONG,
        )
    save(path, figure)


def feature_maps(path: Path, split: Split, maps: np.ndarray, title: str) -> None:
    """Draw one row per image: its class, the image, its maps in one layer.

    Args:
        path: the PNG.
        split: n images.
        maps: float32 (n, height, width, m), not negative.
        title: of the figure.
    """
    rows = len(maps)
    figure, axes = _table(1 + maps.shape[-1], rows, title)
    # One scale per unit shows which images activate it and which do not.
    brightest = np.maximum(maps.max(axis=(0, 1, 2)), 1e-6)
    for row, (image, image_maps) in enumerate(zip(split.images, maps, strict=True)):
        _put(axes, 0, row, **_pixels(image, split.spec))
        for unit, vmax in enumerate(brightest):
            pixels = image_maps[..., unit]
            _put(axes, 1 + unit, row, X=pixels, cmap="magma", vmin=0, vmax=vmax)
    names = [split.spec.classes[label] for label in split.labels]
    axes.set_yticks(np.arange(rows) + CELL / 2, names)
    save(path, figure)


def kernels(path: Path, weights: np.ndarray, title: str) -> None:
    """Draw the kernels of a convolution, float32 (height, width, channels, n).

    With colour, a kernel is drawn as the mean over the channels.
    """
    count = weights.shape[-1]
    columns = min(8, count)
    rows = ceil(count / columns)
    figure = Figure(figsize=(1.05 * columns, 1.05 * rows + 0.5))
    grid = figure.subplots(rows, columns, squeeze=False)
    figure.suptitle(title, fontsize=10)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, kernel in zip(grid.flat, np.moveaxis(weights.mean(axis=2), -1, 0), strict=False):
        limit = np.abs(kernel).max()
        axes.imshow(kernel, cmap="RdBu", vmin=-limit, vmax=limit)
    save(path, figure)


def similar_items(
    path: Path,
    queries: Split,
    neighbours: list[Split],
    title: str,
) -> None:
    """Draw one row per query: the image, then the images that were found for it.

    Args:
        path: the PNG.
        queries: n images.
        neighbours: for each query a split, the most similar image first, all of one length.
        title: of the figure.
    """
    height = 1.3  # of a row: a class name above an image
    figure, axes = _table(1 + len(neighbours[0].labels), height * len(neighbours), title)
    spec = queries.spec
    for row, (image, label, found) in enumerate(
        zip(queries.images, queries.labels, neighbours, strict=True)
    ):
        top = height * row + 0.3
        shown = [(image, label), *zip(found.images, found.labels, strict=True)]
        for column, (its_image, its_label) in enumerate(shown):
            _put(axes, column, top, **_pixels(its_image, spec))
            axes.text(
                column + CELL / 2,
                top - 0.06,
                spec.classes[its_label],
                fontsize=7.5,
                ha="center",
                color="black" if column == 0 else RIGHT if its_label == label else WRONG,
                fontweight="normal" if column else "bold",
            )
    save(path, figure)


def explanation(
    path: Path, steps: Sequence[tuple[str, np.ndarray]], top_classes: list[dict[str, Any]]
) -> None:
    """Draw the steps from a picture to the model's input, and the model's answer.

    Args:
        path: the PNG.
        steps: name and pixels, uint8 (height, width) or (height, width, 3), in order.
        top_classes: class and probability of the top classes, in order.
    """
    figure = Figure(figsize=(2 * len(steps) + 3.2, 2.4))
    *panels, bars = figure.subplots(1, len(steps) + 1, width_ratios=[1] * len(steps) + [1.3])
    for axes, (name, pixels) in zip(panels, steps, strict=True):
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=255)
        axes.set(title=name, xticks=[], yticks=[])
        axes.spines[:].set_color("#d1d5db")
        axes.spines[:].set_visible(True)
    names = [row["class"] for row in top_classes]
    probabilities = [row["probability"] for row in top_classes]
    drawn = bars.barh(names, probabilities, color=ANSWER, height=0.6)
    bars.bar_label(drawn, [f"{value:.1%}" for value in probabilities], padding=4)
    bars.invert_yaxis()
    bars.set(xlim=(0, 1.25), xticks=[], title="calibrated probability")
    bars.spines[:].set_visible(False)
    bars.tick_params(length=0)
    save(path, figure)
