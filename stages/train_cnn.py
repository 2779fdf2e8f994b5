"""data/train, data/validation -> models/cnn.keras, its last metrics and its history by epoch."""

from pathlib import Path

from fashion_mnist import command, files, tables
from fashion_mnist.dataset import splits
from fashion_mnist.params.cnn import CNN
from fashion_mnist.params.train import Train
from fashion_mnist.training import cnn, fit, model_file


def main() -> None:
    train, recipe = Train.load(), CNN.load()
    train_split = splits.load(Path("data/train"))
    validation_split = splits.load(Path("data/validation"))
    precision = fit.prepare(train)
    model = fit.built(cnn.build, recipe, train_split.spec, train)
    history = fit.fit(model, train_split, validation_split, train, recipe)
    model_file.save(model, Path("models/cnn.keras"))
    tables.write(Path("plots/training_cnn.csv"), history)
    files.write_json(Path("metrics/train_cnn.json"), fit.summarize(model, history, precision))


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
