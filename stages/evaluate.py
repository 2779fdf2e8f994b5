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
    test = dataset.load(Path("data/test"))
    probabilities = {
        name: models.predict(models.load(Path(f"models/{name}.keras")), test.images)
        for name in ("mlp", "cnn")
    }
    predicted = {name: rows.argmax(axis=1) for name, rows in probabilities.items()}
    report = {
        name: metrics.evaluate(rows, test.labels, evaluate.calibration_bins)
        for name, rows in probabilities.items()
    }
    report["cnn_against_mlp"] = metrics.compare(
        predicted["cnn"] == test.labels, predicted["mlp"] == test.labels
    )
    files.write_json(Path("metrics/evaluate.json"), report)

    class_names = np.array(dataset.CLASS_NAMES)
    for name, rows in probabilities.items():
        table = pd.DataFrame(
            {
                "actual": class_names[test.labels],
                "predicted": class_names[predicted[name]],
                "probability": rows.max(axis=1).round(4),
            }
        )
        files.write_csv(PLOTS / f"predictions_{name}.csv", table)
        figures.confusion(
            PLOTS / f"confusion_{name}.png",
            metrics.confusion(test.labels, predicted[name]),
            f"{name.upper()} on {len(test.labels):,} test images: accuracy "
            f"{report[name]['accuracy']:.2%}",
        )
    figures.curves(
        PLOTS / "curves.png",
        {name: pd.read_csv(PLOTS / f"training_{name}.csv") for name in probabilities},
    )

    rows = probabilities["cnn"]
    wrong = np.flatnonzero(predicted["cnn"] != test.labels)
    worst_first = wrong[np.argsort(-rows[wrong].max(axis=1), kind="stable")]
    for name, chosen, title in (
        (
            "predictions",
            np.arange(evaluate.predictions),
            "The first test images, as the CNN sees them",
        ),
        (
            "mistakes",
            worst_first[: evaluate.mistakes],
            "The CNN's most confident mistakes",
        ),
    ):
        figures.predictions(
            PLOTS / f"{name}.png",
            test.images[chosen],
            test.labels[chosen],
            rows[chosen],
            title,
        )


if __name__ == "__main__":
    run(main)
