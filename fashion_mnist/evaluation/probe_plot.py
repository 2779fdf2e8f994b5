"""The plot of what the layers of a model hold."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fashion_mnist.evaluation import plots

# The probes of one model: by "trained" and "untrained", then by layer, as
# fashion_mnist.training.layer_probes measures them.
Probes = dict[str, dict[str, dict[str, Any]]]

CURVES = {
    "image": ("of the image, given back\nby a linear map", "#2563c9"),
    "class": ("right classes, told\nby a linear probe", "#1a7f5a"),
    "active": ("of all positions, active", "#c77d0a"),
    "units": ("of all units carry 90 %\nof the class signal", "#c8372d"),
}


def layer_probes(path: Path, models: dict[str, Probes]) -> None:
    """Draw four curves over the layers, one panel for each model.

    Args:
        path: the PNG.
        models: the probes of each model, by the title of its panel.
    """
    figure = Figure(figsize=(2.6 + 4.6 * len(models), 4.2))
    panels = figure.subplots(1, len(models), sharey=True, squeeze=False)[0]
    for axes, (title, probes) in zip(panels, models.items(), strict=True):
        for side, style in (("untrained", ":"), ("trained", "-")):
            for curve, (_, colour) in CURVES.items():
                _draw(axes, probes[side], curve, colour, style)
        axes.set(title=title, ylim=(0, 103))
        axes.tick_params(axis="x", rotation=30)
        axes.grid(alpha=0.25)
    panels[0].set_ylabel("%")
    lines = [Line2D([], [], color=colour, label=label) for label, colour in CURVES.values()]
    lines.append(Line2D([], [], color=plots.MUTED, linestyle=":", label="before training"))
    figure.legend(handles=lines, loc="outside right center", frameon=False, labelspacing=1)
    plots.save(path, figure)


def _draw(
    axes: Axes, layers: dict[str, dict[str, Any]], curve: str, colour: str, style: str
) -> None:
    """Draw one curve, with its 95 % interval where it has one."""
    shown = {name: _value(layer, curve) for name, layer in layers.items()}
    values = {name: value for name, value in shown.items() if value}
    names = list(values)
    middle, low, high = ([100 * value[part] for value in values.values()] for part in range(3))
    # Every layer, so that all curves share one axis.
    axes.plot(list(layers), [0] * len(layers), alpha=0)
    axes.plot(names, middle, style, color=colour, marker="o", markersize=3.5)
    axes.fill_between(names, low, high, color=colour, alpha=0.15, linewidth=0)


def _value(layer: dict[str, Any], curve: str) -> tuple[float, float, float] | None:
    """Return a share with its interval; None where the layer has no such share."""
    if curve == "image":
        return layer["image"]["share"], layer["image"]["low"], layer["image"]["high"]
    if curve == "class":
        return layer["class"]["accuracy"], layer["class"]["low"], layer["class"]["high"]
    share = layer["active_share"] if curve == "active" else layer["units_share"]
    return None if share is None else (share, share, share)
