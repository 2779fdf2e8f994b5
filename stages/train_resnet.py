"""data/train, data/validation -> models/resnet.keras, its last metrics and its history by epoch."""

from pathlib import Path

from fashion_mnist import command, files, tables
from fashion_mnist.dataset import splits
from fashion_mnist.params.resnet import ResNet
from fashion_mnist.params.train import Train
from fashion_mnist.training import fit, model_file, resnet


def main() -> None:
    train, recipe = Train.load(), ResNet.load()
    train_split = splits.load(Path("data/train"))
    validation_split = splits.load(Path("data/validation"))
    precision = fit.prepare(train)
    model = fit.built(resnet.build, recipe, train_split.spec, train)
    history = fit.fit(model, train_split, validation_split, train, recipe)
    model_file.save(model, Path("models/resnet.keras"))
    tables.write(Path("plots/training_resnet.csv"), history)
    files.write_json(Path("metrics/train_resnet.json"), fit.summarize(model, history, precision))


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
