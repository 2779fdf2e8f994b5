"""Write docs/photographs.md from what `make photographs` and `benchmarks.photographs` measured."""

import json
from pathlib import Path
from typing import Any

from benchmarks import by_processor
from benchmarks.photographs import DRAWS, RESULT
from fashion_mnist import command, files
from fashion_mnist.inference.head import Head
from fashion_mnist.params.photographs import Photographs
from photographs.evaluate import METRICS

HEAD = Path("photographs/head.npz")
TEXT, DOCUMENT = Path("photographs/document.md"), Path("docs/photographs.md")
VERSIONS = {"small": "at most 160 pixels", "full": "at most 400 pixels"}


def document() -> str:
    """Return docs/photographs.md: document.md with the numbers filled in."""
    version = json.loads((METRICS / "download.json").read_text())["version"]
    found = json.loads((METRICS / "evaluate.json").read_text())["photographs"]
    compared = json.loads((METRICS / "compare.json").read_text())["compare"]
    strange = json.loads(RESULT.read_text())
    times = by_processor.read("photographs")
    head = Head.load(HEAD).info
    return TEXT.read_text().format(
        accuracy=_percent(found["accuracy"]),
        low=_percent(found["accuracy_low"]),
        high=_percent(found["accuracy_high"]),
        photographs=found["photographs"],
        people=found["people"],
        small=_percent(compared["cnn_28x28"]["accuracy_without_other"]),
        version=version,
        version_words=VERSIONS[version],
        sure_from=f"{100 * head.sure_from:.0f}",
        sure_accuracy=f"{100 * found['sure_accuracy']:.0f}",
        sure_share=f"{100 * found['sure_share']:.0f}",
        known_from=f"{head.known_from:.2f}",
        unknown=f"{100 * found['unknown_share']:.0f}",
        folds=Photographs.load().train.folds,
        test_words=_of_test(found.get("test")),
        classes=_table(
            ["class", "recall, %", "precision, %", "photographs"],
            [
                [name, _percent(of["recall"]), _percent(of["precision"]), f"{of['support']:,}"]
                for name, of in found["classes"].items()
            ],
        ),
        ece=_percent(found["expected_calibration_error"]),
        others=_others(found, compared),
        strange=_table(
            ["pictures", "number", "unlike", "named"],
            [
                [name, str(of["pictures"]), str(of["unlike"]), str(of["named"])]
                for name, of in strange["unknown"].items()
            ],
        ),
        time=by_processor.table(
            "",
            {"a photograph": [by_processor.middle(of["milliseconds"], 1) for of in times.values()]},
            list(times),
        ),
        machines=by_processor.machines(times),
        draws=DRAWS,
        taught=_table(
            ["stamps of each class", "right, %"],
            [
                [count, f"{100 * of['accuracy']:.1f} ± {100 * of['deviation']:.1f}"]
                for count, of in strange["taught"]["pictures_per_class"].items()
            ],
        ),
    )


def _others(found: dict[str, Any], compared: dict[str, Any]) -> str:
    rows = [["**the model of photographs**", found], ["the CNN, 28x28", compared["cnn_28x28"]]]
    rows.append(["the CNN, trained on with 28x28", compared["cnn_28x28_fine_tuned"]])
    lines = [
        [name, _percent(of["accuracy"]), _percent(of["accuracy_without_other"])]
        for name, of in rows
    ]
    features = compared["features_of_fashion_mnist"]
    interval = f"{_percent(features['accuracy_low'])} to {_percent(features['accuracy_high'])}"
    return (
        _table(["on the photographs", "eight classes, %", "garments of the seven, %"], lines)
        + f"\n\nThe frozen network's features of Fashion-MNIST itself, with a head: "
        f"{_percent(features['accuracy'])} % of validation images ({interval} %)."
    )


def _of_test(test: dict[str, Any] | None) -> str:
    if test is None:
        return "It could not be fetched yet."
    return (
        f"There the head in Git is right about {_percent(test['accuracy'])} % "
        f"({_percent(test['accuracy_low'])} to {_percent(test['accuracy_high'])} %)."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    files.write_bytes(DOCUMENT, document().encode())
    print(f"{DOCUMENT}: written")


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
