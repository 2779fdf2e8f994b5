"""Plots about the model of photographs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from fashion_mnist.evaluation import metrics
from fashion_mnist.evaluation.plots import ANSWER, MUTED, save

BINS = 10


def learning_curve(path: Path, points: Sequence[tuple[int, float]]) -> None:
    """Draw accuracy, in [0, 1], by the number of pictures learned from."""
    figure = Figure(figsize=(4.6, 3.4))
    axes = figure.subplots()
    pictures, accuracies = zip(*points, strict=True)
    axes.plot(pictures, accuracies, "o-", color=ANSWER)
    for count, accuracy in points:
        axes.annotate(
            f"{accuracy:.1%}", (count, accuracy), (-6, 5), textcoords="offset points", ha="right"
        )
    axes.set_xscale("log", base=2)
    axes.set_xticks(pictures, [f"{count:,}" for count in pictures])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.margins(x=0.2, y=0.15)
    axes.set(
        xlabel="pictures learned from", ylabel="right answers", title="Right answers by pictures"
    )
    save(path, figure)


def calibration(path: Path, table: pd.DataFrame) -> None:
    """Draw how often answers are right, by their probability, and how many there are."""
    right, probabilities = metrics.is_right(table), table["probability"].to_numpy()
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    filled = np.flatnonzero(counts)
    means = np.bincount(bins, probabilities, BINS)[filled] / counts[filled]
    accuracies = np.bincount(bins, right, BINS)[filled] / counts[filled]
    figure = Figure(figsize=(4.6, 4.2))
    top, bottom = figure.subplots(2, sharex=True, height_ratios=[3, 1])
    top.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=":")
    top.plot(means, accuracies, "o-", color=ANSWER)
    top.set(ylabel="right answers", title="A probability is how often the answer is right")
    bottom.bar((np.arange(BINS) + 0.5) / BINS, counts, 0.9 / BINS, color=ANSWER)
    bottom.set(xlabel="probability of the answer", ylabel="photographs", xlim=(0, 1.02))
    for axis in (top.yaxis, bottom.xaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    save(path, figure)


def answered(path: Path, table: pd.DataFrame, sure_from: float) -> None:
    """Draw the accuracy of the surest answers by their share, and where answers become sure."""
    order = np.argsort(-table["probability"].to_numpy(), kind="stable")
    right = metrics.is_right(table)[order]
    shares = np.arange(1, len(right) + 1) / len(right)
    accuracies = np.cumsum(right) / np.arange(1, len(right) + 1)
    figure = Figure(figsize=(4.6, 3.4))
    axes = figure.subplots()
    # The first few answers jump between 0 and 1.
    shown = shares > 0.02
    axes.plot(shares[shown], accuracies[shown], color=ANSWER)
    decided = metrics.decisions(table, sure_from)
    share, accuracy = decided["sure_share"], decided["sure_accuracy"]
    axes.plot([share], [accuracy], "o", color=ANSWER)
    axes.annotate(
        f"sure from {sure_from:.0%} on:\n{share:.0%} answered, {accuracy:.0%} right",
        (share, accuracy),
        (-8, -12),
        textcoords="offset points",
        ha="right",
        va="top",
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(
        xlabel="photographs answered, the surest first",
        ylabel="right answers",
        xlim=(0, 1.02),
        title="Fewer answers, fewer mistakes",
    )
    save(path, figure)
