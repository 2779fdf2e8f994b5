"""data/test, models/*.keras, plots/training_*.csv -> metrics/evaluate.json and the result plots.

For each model: figures of merit, every prediction (plots/predictions_MODEL.csv, in test order)
and the confusion matrix; of the CNN also pictures of predictions and of confident mistakes.
"""

from pathlib import Path

import numpy as np

from fashion_mnist import dataset, figures, files, metrics, models, params, progress, tables
from stages import run

MODELS = ("mlp", "cnn")
PLOTS = Path("plots")


def main() -> None:
    evaluate = params.load("evaluate").evaluate
    images, labels = dataset.load(Path("data/test"))
    histories = {name: tables.read(PLOTS / f"training_{name}.csv") for name in MODELS}
    probabilities = {}
    for name in MODELS:
        progress.say(f"evaluate: the {name.upper()} classifies {len(labels):,} test images")
        probabilities[name] = models.predict(models.load(Path(f"models/{name}.keras")), images)
    predicted = {name: rows.argmax(axis=1) for name, rows in probabilities.items()}
    report = {name: metrics.evaluate(rows, labels) for name, rows in probabilities.items()}
    report["cnn_against_mlp"] = metrics.compare(
        predicted["cnn"] == labels, predicted["mlp"] == labels
    )

    progress.say("evaluate: drawing")
    figures.curves(PLOTS / "curves.png", histories)
    for name, rows in probabilities.items():
        tables.write(PLOTS / f"predictions_{name}.csv", metrics.predictions(rows, labels))
        figures.confusion(
            PLOTS / f"confusion_{name}.png",
            metrics.confusion(labels, predicted[name]),
            f"{name.upper()} on {len(labels):,} test images: {report[name]['accuracy']:.2%} right",
        )
    rows = probabilities["cnn"]
    first = np.arange(len(labels))[: evaluate.predictions]
    mistakes = metrics.most_confident_mistakes(rows, labels)[: evaluate.mistakes]
    for name, chosen, title in (
        (
            "predictions",
            first,
            "The first test images: the CNN's answer, below it the true class",
        ),
        (
            "mistakes",
            mistakes,
            "The CNN's most confident mistakes: its answer, below it the true class",
        ),
    ):
        figures.predictions(
            PLOTS / f"{name}.png", images[chosen], labels[chosen], rows[chosen], title
        )
    files.write_json(Path("metrics/evaluate.json"), report)


if __name__ == "__main__":
    run(main)
