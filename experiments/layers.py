"""Test claims about feature maps, for docs/layers.md: `python -m experiments.layers`.

It trains the source's CNN (experiments/rows/feature-map-cnn.args) on the train split, probes its
layers on the validation split as the stage probe_layers does, and sets them beside the workflow's
CNN.
"""

import json
from pathlib import Path
from typing import Any

from benchmarks import measured
from experiments import rows
from experiments.training import build
from fashion_mnist import command, files
from fashion_mnist.dataset import splits
from fashion_mnist.evaluation import probe_plot
from fashion_mnist.training import fit, layer_probes

ROW, SEED = "feature-map-cnn", 20  # not a seed of the test results
OURS, THEIRS = Path("metrics/probe_layers.json"), Path("experiments/layers.json")
TEXT = Path("experiments/layers.md")
DOCUMENT = Path("docs/layers.md")


def main() -> None:
    train, recipe = rows.read(ROW, SEED)
    train_split = splits.load(Path("data/train"))
    validation = splits.load(Path("data/validation"))
    fit.prepare(train)
    model = build(recipe, train_split.spec)
    fit.fit(model, train_split, validation, train, recipe)
    probes = {
        "trained": layer_probes.measure(model, validation),
        "untrained": layer_probes.measure(layer_probes.untrained(model), validation),
    }
    files.write_json(THEIRS, {"probes": probes})
    write_document()
    measured.record(
        DOCUMENT,
        *measured.TRAINING,
        f"experiments/rows/{ROW}.args",
        "fashion_mnist/evaluation/probes.py",
        "fashion_mnist/training/layer_probes.py",
    )


def write_document() -> None:
    """Write docs/layers.md and docs/layers.png from the probes of both models."""
    models = {
        "The workflow's CNN": json.loads(OURS.read_text())["probes"],
        "The source's CNN": json.loads(THEIRS.read_text())["probes"],
    }
    probe_plot.layer_probes(Path("docs/layers.png"), models)
    files.write_bytes(DOCUMENT, document(models).encode())


def document(models: dict[str, probe_plot.Probes]) -> str:
    """Return docs/layers.md: layers.md with the tables filled in."""
    ours, theirs = (table(probes) for probes in models.values())
    return TEXT.read_text().format(ours=ours, theirs=theirs)


def table(probes: probe_plot.Probes) -> str:
    """Return the probes of one model as a Markdown table, trained beside untrained."""
    lines = [
        "| layer | image given back, % | before training | right classes, % | before training "
        "| active, % | before | units for 90 % | before |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, layer in probes["trained"].items():
        sides = (layer, probes["untrained"][name])
        cells = [_interval(side["image"], "share") for side in sides]
        cells += [_interval(side["class"], "accuracy") for side in sides]
        cells += [_percent(side["active_share"]) for side in sides]
        cells += [_units(side) for side in sides]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _interval(measured: dict[str, float], key: str) -> str:
    value, low, high = (100 * measured[name] for name in (key, "low", "high"))
    return f"{value:.1f} ({low:.1f} to {high:.1f})"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f}"


def _units(layer: dict[str, Any]) -> str:
    if layer["units"] is None:
        return ""
    return f"{layer['units']} ({100 * layer['units_share']:.0f} %)"


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
