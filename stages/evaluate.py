"""data/test, models/*.keras, plots/training_*.csv -> test metrics and their plots.

For each model: metrics (metrics/evaluate.json), every prediction in test order
(plots/predictions_MODEL.csv) and the confusion matrix. For the CNN: pictures of predictions and of
confident mistakes. metrics/comparison.json compares each model with those before it.
"""

from itertools import combinations
from pathlib import Path

import numpy as np

from fashion_mnist import command, files, progress, tables
from fashion_mnist.dataset import splits
from fashion_mnist.evaluation import metrics, plots
from fashion_mnist.params import whole
from fashion_mnist.params.evaluate import Evaluate
from fashion_mnist.training import model_file, prediction

PLOTS = Path("plots")


def main() -> None:
    evaluate, models = Evaluate.load(), whole.models()
    test = splits.load(Path("data/test"))
    count, classes = len(test.labels), test.spec.classes
    histories = {
        name: tables.read(PLOTS / f"training_{name}.csv", tables.HISTORY) for name in models
    }
    predictions, results = {}, {}
    for name in models:
        progress.say(f"evaluate: the {name.upper()} classifies {count:,} test images")
        model = model_file.load(Path(f"models/{name}.keras"), test.spec)
        table = metrics.predictions(prediction.predict(model, test.images), test.labels, classes)
        predictions[name] = table
        results[name] = {**metrics.summarize(table), "classes": metrics.by_class(table)}

    progress.say("evaluate: drawing")
    plots.curves(PLOTS / "curves.png", histories)
    for name, table in predictions.items():
        tables.write(PLOTS / f"predictions_{name}.csv", metrics.rounded(table))
        plots.confusion(
            PLOTS / f"confusion_{name}.png",
            metrics.confusion(table),
            classes,
            f"{name.upper()} on {count:,} test images: {results[name]['accuracy']:.2%} right",
        )
    cnn = predictions["cnn"]
    plots.predictions(
        PLOTS / "predictions.png",
        test.take(np.arange(min(count, evaluate.predictions_shown))),
        cnn.head(evaluate.predictions_shown),
        "The first test images: the CNN's answer, below it the true class",
    )
    mistakes = metrics.most_confident_mistakes(cnn)[: evaluate.mistakes_shown]
    plots.predictions(
        PLOTS / "mistakes.png",
        test.take(mistakes),
        cnn.iloc[mistakes],
        "The CNN's most confident mistakes: its answer, below it the true class",
    )
    files.write_json(Path("metrics/evaluate.json"), results)
    right = {name: metrics.is_right(table) for name, table in predictions.items()}
    comparison = {
        f"{name}_against_{base}": metrics.compare(right[base], right[name])
        for base, name in combinations(right, 2)
    }
    files.write_json(Path("metrics/comparison.json"), comparison)


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
