"""data/test, models/*.keras, plots/training_*.csv -> metrics/evaluate.json and the result plots.

For each model: figures of merit, every prediction (plots/predictions_MODEL.csv, in test order)
and the confusion matrix; of the CNN also pictures of predictions and of confident mistakes.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from fashion_mnist import dataset, figures, files, metrics, models, params
from stages import run

PLOTS = Path("plots")


def main() -> None:
    evaluate = params.load("evaluate").evaluate
    images, labels = dataset.load(Path("data/test"))
    probabilities = {
        name: models.predict(models.load(Path(f"models/{name}.keras")), images)
        for name in ("mlp", "cnn")
    }
    predicted = {name: rows.argmax(axis=1) for name, rows in probabilities.items()}
    report = {
        name: metrics.evaluate(rows, labels, evaluate.calibration_bins)
        for name, rows in probabilities.items()
    }
    report["cnn_against_mlp"] = metrics.compare(
        predicted["cnn"] == labels, predicted["mlp"] == labels
    )
    files.write_json(Path("metrics/evaluate.json"), report)

    for name, rows in probabilities.items():
        files.write_csv(PLOTS / f"predictions_{name}.csv", metrics.predictions(rows, labels))
        figures.confusion(
            PLOTS / f"confusion_{name}.png",
            metrics.confusion(labels, predicted[name]),
            f"{name.upper()} on {len(labels):,} test images: {report[name]['accuracy']:.2%} right",
        )
    histories = {name: pd.read_csv(PLOTS / f"training_{name}.csv") for name in probabilities}
    figures.curves(PLOTS / "curves.png", histories)

    rows = probabilities["cnn"]
    first = np.arange(evaluate.predictions)
    mistakes = metrics.most_confident_mistakes(rows, labels)[: evaluate.mistakes]
    for name, chosen, title in (
        ("predictions", first, "The first test images, as the CNN sees them"),
        ("mistakes", mistakes, "The CNN's most confident mistakes"),
    ):
        figures.predictions(
            PLOTS / f"{name}.png", images[chosen], labels[chosen], rows[chosen], title
        )


if __name__ == "__main__":
    run(main)
