"""data/train, data/validation -> models/cnn.keras, its last metrics and its history by epoch."""

from pathlib import Path

from fashion_mnist import dataset, files, models, params, tables, training
from stages import run


def main() -> None:
    settings = params.load("train", "cnn")
    train_split = dataset.load(Path("data/train"))
    validation_split = dataset.load(Path("data/validation"))
    precision = training.prepare(settings.train)
    model = models.cnn(settings.cnn)
    history = training.fit(model, train_split, validation_split, settings.train, settings.cnn)
    models.save(model, Path("models/cnn.keras"))
    tables.write(Path("plots/training_cnn.csv"), history)
    files.write_json(Path("metrics/train_cnn.json"), training.summarize(model, history, precision))


if __name__ == "__main__":
    run(main)
