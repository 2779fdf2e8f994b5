"""The pictures. Each function takes plain arrays and writes one PNG, the same bytes each time."""

import os
from math import ceil
from pathlib import Path
from typing import Any

# Jupyter and Colab name a backend that other processes may not have; nothing here is interactive.
os.environ.pop("MPLBACKEND", None)

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fashion_mnist.dataset import CLASS_NAMES, Split
from fashion_mnist.files import whole

RIGHT, WRONG, MUTED = "#1a7f5a", "#c8372d", "#6b7280"
CELL = 0.9  # of a table's cell, the share of its width and height that an image fills
MODEL_COLOURS = {"mlp": "#c77d0a", "cnn": "#2563c9"}

# A matplotlibrc of the user's must not change the bytes.
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


def _save(path: Path, figure: Figure) -> None:
    with whole(path) as partial:
        # Without the Software tag: it would change the bytes with each matplotlib release.
        figure.savefig(partial, format="png", metadata={"Software": None})


def _show(axes: Axes, image: np.ndarray) -> None:
    """Draw one image (28, 28, 1) in [0, 1], dark on light as on paper."""
    axes.imshow(image[..., 0], cmap="gray_r", vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _table(width: float, height: float, title: str) -> tuple[Figure, Axes]:
    """Return a figure with one Axes for a table of images: an Axes for each takes seconds.

    Args:
        width, height: of the table, in cells.
        title: of the whole.
    """
    figure = Figure(figsize=(0.66 * width + 0.9, 0.66 * height + 0.4))
    figure.suptitle(title, fontsize=10)
    axes = figure.subplots()
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[], autoscale_on=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure, axes


def _put(axes: Axes, left: float, top: float, pixels: np.ndarray, **options: Any) -> None:
    """Draw pixels, (height, width), as a square into a table; `options` are those of imshow."""
    axes.imshow(pixels, extent=(left, left + CELL, top + CELL, top), **options)


def samples(path: Path, images: np.ndarray, labels: np.ndarray, rows: int) -> None:
    """Draw the first rows x rows images (n, 28, 28, 1) with their class names."""
    figure = Figure(figsize=(1.25 * rows, 1.45 * rows))
    grid = figure.subplots(rows, rows, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, image, label in zip(grid.flat, images, labels, strict=False):
        _show(axes, image)
        axes.set_title(CLASS_NAMES[label])
    _save(path, figure)


def curves(path: Path, histories: dict[str, pd.DataFrame]) -> None:
    """Draw accuracy and loss by epoch, for training and validation, one colour a model."""
    figure = Figure(figsize=(9, 3.6))
    panels = figure.subplots(1, 2)
    for axes, quantity, title in (
        (panels[0], "accuracy", "accuracy by epoch"),
        (panels[1], "loss", "loss by epoch (label smoothing raises it)"),
    ):
        for name, history in histories.items():
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
                    color=MODEL_COLOURS[name],
                    label=f"{name.upper()}, {split}",
                )
        axes.set(xlabel="epoch", title=title)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.25)
    panels[0].legend(frameon=False, loc="lower right")
    _save(path, figure)


def confusion(path: Path, counts: np.ndarray, title: str) -> None:
    """Draw a confusion matrix, int (10, 10): rows true, columns predicted; zeros left out."""
    figure = Figure(figsize=(6.6, 5.8))
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    # The square root shows the mistakes, which are few beside the diagonal.
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
    positions = range(len(CLASS_NAMES))
    axes.set_xticks(positions, CLASS_NAMES, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(positions, CLASS_NAMES)
    axes.set(xlabel="predicted class", ylabel="true class", title=title)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    _save(path, figure)


def predictions(
    path: Path,
    images: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
    title: str,
) -> None:
    """Draw images with their predicted class and its probability, and below the true class.

    Args:
        path: the PNG.
        images: float32 (n, 28, 28, 1).
        labels: uint8 (n,).
        probabilities: float32 (n, 10).
        title: of the whole.
    """
    columns = min(5, len(images)) or 1
    rows = ceil(len(images) / columns) or 1
    figure = Figure(figsize=(1.75 * columns, 1.85 * rows + 0.4))
    grid = figure.subplots(rows, columns, squeeze=False)
    figure.suptitle(title, fontsize=10)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, image, label, row in zip(grid.flat, images, labels, probabilities, strict=False):
        _show(axes, image)
        predicted = row.argmax()
        right = predicted == label
        axes.set_title(
            f"{'✓' if right else '✗'} {CLASS_NAMES[predicted]} {row[predicted]:.0%}\n"
            f"true: {CLASS_NAMES[label]}",
            color=RIGHT if right else WRONG,
        )
    _save(path, figure)


def feature_maps(
    path: Path, images: np.ndarray, labels: np.ndarray, maps: np.ndarray, title: str
) -> None:
    """Draw each image with its class and, to its right, its maps in one layer.

    Args:
        path: the PNG.
        images: float32 (n, 28, 28, 1).
        labels: uint8 (n,).
        maps: float32 (n, height, width, m), not negative.
        title: of the whole.
    """
    rows = len(images)
    figure, axes = _table(1 + maps.shape[-1], rows, title)
    # One scale a map, so that the garments that wake a unit up can be told from the others.
    brightest = np.maximum(maps.max(axis=(0, 1, 2)), 1e-6)
    for row, (image, image_maps) in enumerate(zip(images, maps, strict=True)):
        _put(axes, 0, row, image[..., 0], cmap="gray_r", vmin=0, vmax=1)
        for unit, vmax in enumerate(brightest):
            pixels = image_maps[..., unit]
            _put(axes, 1 + unit, row, pixels, cmap="magma", vmin=0, vmax=vmax)
    axes.set_yticks(np.arange(rows) + CELL / 2, [CLASS_NAMES[label] for label in labels])
    _save(path, figure)


def kernels(path: Path, weights: np.ndarray, title: str) -> None:
    """Draw the kernels of a convolution over one channel, float32 (height, width, 1, n)."""
    count = weights.shape[-1]
    columns = min(8, count)
    rows = ceil(count / columns)
    figure = Figure(figsize=(1.05 * columns, 1.05 * rows + 0.5))
    grid = figure.subplots(rows, columns, squeeze=False)
    figure.suptitle(title, fontsize=10)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, kernel in zip(grid.flat, np.moveaxis(weights[:, :, 0], -1, 0), strict=False):
        limit = np.abs(kernel).max()
        axes.imshow(kernel, cmap="RdBu", vmin=-limit, vmax=limit)
    _save(path, figure)


def similar_items(
    path: Path,
    queries: Split,
    neighbours: list[Split],
    title: str,
) -> None:
    """Draw images in a column and, to the right of each, those that were found for it.

    Args:
        path: the PNG.
        queries: of n images.
        neighbours: n splits of equally many images, the most similar first.
        title: of the whole.
    """
    height = 1.3  # of a row: an image below its class
    figure, axes = _table(1 + len(neighbours[0].labels), height * len(neighbours), title)
    for row, (image, label, found) in enumerate(zip(*queries, neighbours, strict=True)):
        top = height * row + 0.3
        shown = [(image, label), *zip(*found, strict=True)]
        for column, (its_image, its_label) in enumerate(shown):
            _put(axes, column, top, its_image[..., 0], cmap="gray_r", vmin=0, vmax=1)
            axes.text(
                column + CELL / 2,
                top - 0.06,
                CLASS_NAMES[its_label],
                fontsize=7.5,
                ha="center",
                color="black" if column == 0 else RIGHT if its_label == label else WRONG,
                fontweight="normal" if column else "bold",
            )
    _save(path, figure)


def explanation(
    path: Path, steps: list[tuple[str, np.ndarray]], likeliest: list[dict[str, str | float]]
) -> None:
    """Draw how a picture became what the network reads, and beside it what the network answers.

    Args:
        path: the PNG.
        steps: name and pixels, uint8 (height, width) or (height, width, 3), in order.
        likeliest: class and probability of the likeliest classes, in order.
    """
    figure = Figure(figsize=(2 * len(steps) + 3.2, 2.4))
    *panels, bars = figure.subplots(1, len(steps) + 1, width_ratios=[*[1] * len(steps), 1.3])
    for axes, (name, pixels) in zip(panels, steps, strict=True):
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=255)
        axes.set(title=name, xticks=[], yticks=[])
        axes.spines[:].set_color("#d1d5db")
        axes.spines[:].set_visible(True)
    names = [row["class"] for row in likeliest]
    probabilities = [row["probability"] for row in likeliest]
    drawn = bars.barh(names, probabilities, color=MODEL_COLOURS["cnn"], height=0.6)
    bars.bar_label(drawn, [f"{value:.1%}" for value in probabilities], padding=4)
    bars.invert_yaxis()
    bars.set(xlim=(0, 1.25), xticks=[], title="calibrated probability")
    bars.spines[:].set_visible(False)
    bars.tick_params(length=0)
    _save(path, figure)
