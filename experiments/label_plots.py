"""The plots of docs/labels.md. Each function takes plain arrays and writes one PNG."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fashion_mnist.evaluation import plots

GIVEN, SUGGESTED = plots.WRONG, plots.RIGHT
VERDICTS = {"same": plots.RIGHT, "other": plots.WRONG, "unclear": "#d1d5db"}
CELL = 0.92  # the share of a cell's width that its image fills


class Band(NamedTuple):
    """Pairs of images, (n, 2, 28, 28, 1), with what was judged of each, under one title."""

    title: str
    pairs: np.ndarray
    verdicts: list[str]


class Accuracy(NamedTuple):
    """The accuracies of both models on some images, each with its interval.

    name: what was left out; images: their number; shares: by model, accuracy, low and high, the
    latter two nan where there is no interval; is_control: whether it belongs to the controls.
    """

    name: str
    images: int
    shares: dict[str, tuple[float, float, float]]
    is_control: bool


def _images(axes: Axes, left: float, top: float, image: np.ndarray) -> None:
    """Draw one image (28, 28, 1) in [0, 1] into a table of images, dark on light."""
    axes.imshow(
        image[..., 0], extent=(left, left + CELL, top + CELL, top), cmap="gray_r", vmin=0, vmax=1
    )


def _table(axes: Axes, width: float, height: float) -> None:
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[], autoscale_on=False)
    axes.set_aspect("equal")
    axes.spines[:].set_visible(False)


def near_duplicates(path: Path, bands: list[Band], title: str) -> None:
    """Draw one row for each band: its title above its pairs, each framed by its verdict."""
    row, pair = 1.62, 2.25  # the height of a row, the width of a pair, in images
    columns = max(len(band.pairs) for band in bands)
    width, height = columns * pair - 0.2, row * len(bands)
    figure = Figure(figsize=(0.78 * width + 0.2, 0.78 * height + 0.6))
    figure.suptitle(title, fontsize=12, x=0.01, ha="left")
    axes = figure.subplots()
    _table(axes, width, height)
    for number, band in enumerate(bands):
        top = number * row + 0.48
        axes.text(0, top - 0.14, band.title, fontsize=9.5, color="#374151")
        judged = zip(band.pairs, band.verdicts, strict=True)
        for column, ((image, other), verdict) in enumerate(judged):
            left = column * pair
            _images(axes, left + 0.04, top + 0.04, image)
            _images(axes, left + 1.04, top + 0.04, other)
            colour = VERDICTS[verdict]
            frame = Rectangle((left, top), 2, 1, fill=False, edgecolor=colour, linewidth=1.2)
            axes.add_patch(frame)
    plots.save(path, figure)


def ratios(
    path: Path, histograms: dict[str, tuple[list[int], str]], width: float, near: float, title: str
) -> None:
    """Draw histograms of the ratios, one step line each, with the limit of near-duplicates.

    Args:
        path: the PNG.
        histograms: by name, the counts of its bars from 0 on and its colour.
        width: of a bar.
        near: the limit.
        title: of the figure.
    """
    figure = Figure(figsize=(9, 3.4))
    axes = figure.subplots()
    axes.axvspan(0, near, color="#f3f4f6")
    axes.text(near - 0.01, 1500, "near-duplicates", ha="right", color=plots.MUTED)
    for name, (counts, colour) in histograms.items():
        edges = np.arange(len(counts) + 1) * width
        axes.stairs(counts, edges, color=colour, linewidth=1.6, label=name)
    axes.set_yscale("log")
    axes.set(
        xlim=(0, 1),
        ylim=(0.7, 3000),
        xlabel="distance to the nearest training image / distance to the tenth nearest",
        ylabel="test images",
    )
    axes.legend(frameon=False, loc="upper left")
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(alpha=0.25, axis="y")
    plots.save(path, figure)


def suspicious(path: Path, images: np.ndarray, table: pd.DataFrame, title: str) -> None:
    """Draw images, each with its number, its given label and the suggested one.

    Args:
        path: the PNG.
        images: float32 (n, 28, 28, 1).
        table: of these images, as `label_noise.listed` returns it.
        title: of the figure.
    """
    columns, row, cell = 8, 1.74, 1.28
    rows = -(-len(images) // columns)
    width, height = columns * cell, rows * row
    figure = Figure(figsize=(1.02 * width + 0.2, 1.02 * height + 0.7))
    figure.suptitle(title, fontsize=12, x=0.01, ha="left")
    axes = figure.subplots()
    _table(axes, width, height)
    for number, (image, answer) in enumerate(zip(images, table.to_dict("records"), strict=True)):
        left, top = number % columns * cell, number // columns * row + 0.16
        middle = left + CELL / 2 + 0.14
        axes.text(
            middle, top - 0.03, f"{answer['image']}", fontsize=7, ha="center", color=plots.MUTED
        )
        _images(axes, left + 0.14, top, image)
        axes.text(middle, top + 1.1, answer["given"], fontsize=9, ha="center", color=GIVEN)
        probability = f"{min(100 * answer['suggested_probability'], 99.9):.1f} %"
        axes.text(
            middle,
            top + 1.3,
            f"{answer['suggested']} {probability}",
            fontsize=9,
            ha="center",
            color=SUGGESTED,
        )
    plots.save(path, figure)


def pairs(path: Path, counts: np.ndarray, names: list[str], title: str) -> None:
    """Draw how often each class is suggested for each given label, int (10, 10), without zeros."""
    figure = Figure(figsize=(6.6, 5.8))
    axes = figure.subplots()
    axes.imshow(np.where(counts, np.sqrt(counts), np.nan), cmap="Reds", vmin=0)
    for given, suggested in np.argwhere(counts):
        is_dark = counts[given, suggested] > 0.35 * counts.max()
        axes.text(
            suggested,
            given,
            counts[given, suggested],
            ha="center",
            va="center",
            color="white" if is_dark else "#1f2937",
        )
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="suggested class", ylabel="given label")
    axes.set_title(title, loc="left", fontsize=11)
    axes.spines[:].set_visible(False)
    axes.tick_params(which="both", length=0)
    # Lines between the cells, because most of these are white.
    axes.set_xticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="#e5e7eb", linewidth=0.8)
    plots.save(path, figure)


def accuracies(path: Path, measured: list[Accuracy], title: str) -> None:
    """Draw each accuracy with its interval as a line, controls hollow, a panel for each model."""
    models = list(measured[0].shares)
    figure = Figure(figsize=(10, 0.4 * len(measured) + 1.2))
    figure.suptitle(title, fontsize=12, x=0.01, ha="left")
    panels = figure.subplots(1, len(models), sharey=True, squeeze=False)[0]
    first_control = sum(not one.is_control for one in measured)
    for axes, model in zip(panels, models, strict=True):
        colour = plots.MODEL_COLOURS[("mlp", "cnn").index(model)]
        axes.axvline(100 * measured[0].shares[model][0], color=plots.MUTED, linewidth=0.8, ls=":")
        axes.axhline(first_control - 0.5, color="#d1d5db", linewidth=0.8)
        for place, one in enumerate(measured):
            share, low, high = (100 * value for value in one.shares[model])
            axes.plot([low, high], [place, place], color=colour, linewidth=2.5, alpha=0.4)
            face = "white" if one.is_control else colour
            axes.plot(share, place, "o", color=colour, markerfacecolor=face, markersize=6)
            right = share if np.isnan(high) else high
            axes.annotate(
                f"{share:.2f}",
                (right, place),
                (7, 0),
                textcoords="offset points",
                va="center",
                color=colour,
                fontsize=8.5,
            )
        axes.set_title(model.upper(), color=colour, fontsize=11)
        axes.set(xlabel="test accuracy, %", ylim=(len(measured) - 0.5, -0.5))
        axes.margins(x=0.2)
        axes.grid(alpha=0.25, axis="x")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    panels[0].set_yticks(range(len(measured)), [one.name for one in measured])
    panels[0].set_ylabel("left out")
    plots.save(path, figure)
