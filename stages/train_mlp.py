"""data/train, data/validation -> models/mlp.keras, its last metrics and its history by epoch."""

from pathlib import Path

from fashion_mnist import dataset, files, models, params, tables, training
from stages import run


def main() -> None:
    settings = params.load("train", "mlp")
    train_split = dataset.load(Path("data/train"))
    validation_split = dataset.load(Path("data/validation"))
    precision = training.prepare(settings.train)
    model = models.mlp(settings.mlp)
    history = training.fit(model, train_split, validation_split, settings.train, settings.mlp)
    models.save(model, Path("models/mlp.keras"))
    tables.write(Path("plots/training_mlp.csv"), history)
    files.write_json(Path("metrics/train_mlp.json"), training.summarize(model, history, precision))


if __name__ == "__main__":
    run(main)
