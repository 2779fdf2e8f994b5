"""data/test, models/*.keras, plots/training_*.csv -> test metrics and their plots.

For each model: metrics (metrics/evaluate.json), every prediction in test order
(plots/predictions_MODEL.csv) and the confusion matrix. For the CNN: pictures of predictions and of
confident mistakes. metrics/comparison.json compares the two models.
"""

from pathlib import Path

from fashion_mnist import command, files, progress, tables
from fashion_mnist.dataset import splits
from fashion_mnist.evaluation import metrics, plots
from fashion_mnist.params.evaluate import Evaluate
from fashion_mnist.training import model_file, prediction

MODELS = ("mlp", "cnn")
PLOTS = Path("plots")


def main() -> None:
    evaluate = Evaluate.load()
    images, labels = splits.load(Path("data/test"))
    histories = {name: tables.read(PLOTS / f"training_{name}.csv") for name in MODELS}
    predictions, results = {}, {}
    for name in MODELS:
        progress.say(f"evaluate: the {name.upper()} classifies {len(labels):,} test images")
        model = model_file.load(Path(f"models/{name}.keras"))
        table = metrics.predictions(prediction.predict(model, images), labels)
        predictions[name] = table
        results[name] = {**metrics.summarize(table), "classes": metrics.by_class(table)}

    progress.say("evaluate: drawing")
    plots.curves(PLOTS / "curves.png", histories)
    for name, table in predictions.items():
        tables.write(PLOTS / f"predictions_{name}.csv", metrics.rounded(table))
        plots.confusion(
            PLOTS / f"confusion_{name}.png",
            metrics.confusion(table),
            f"{name.upper()} on {len(labels):,} test images: {results[name]['accuracy']:.2%} right",
        )
    cnn = predictions["cnn"]
    plots.predictions(
        PLOTS / "predictions.png",
        images[: evaluate.predictions_shown],
        cnn.head(evaluate.predictions_shown),
        "The first test images: the CNN's answer, below it the true class",
    )
    mistakes = metrics.most_confident_mistakes(cnn)[: evaluate.mistakes_shown]
    plots.predictions(
        PLOTS / "mistakes.png",
        images[mistakes],
        cnn.iloc[mistakes],
        "The CNN's most confident mistakes: its answer, below it the true class",
    )
    files.write_json(Path("metrics/evaluate.json"), results)
    mlp_right, cnn_right = metrics.is_right(predictions["mlp"]), metrics.is_right(cnn)
    comparison = {"cnn_against_mlp": metrics.compare(mlp_right, cnn_right)}
    files.write_json(Path("metrics/comparison.json"), comparison)


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
