"""What other ways reach -> photographs/metrics/compare.json.

- The workflow's CNN, which reads a photograph as 28x28 pixels.
- The same CNN, trained on from there with photographs as 28x28 pixels, by people.
- The frozen network's features of Fashion-MNIST's own images, with a head that learned from some of
  its training images and answers validation images.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fashion_mnist import command, files, progress
from fashion_mnist.dataset import photograph, picture, splits
from fashion_mnist.dataset.spec import Spec
from fashion_mnist.dataset.splits import Split
from fashion_mnist.errors import InputError
from fashion_mnist.evaluation import metrics
from fashion_mnist.inference.onnx_model import OnnxModel
from fashion_mnist.inference.photograph_model import PhotographModel
from fashion_mnist.params.cnn import CNN
from fashion_mnist.params.head import Train
from fashion_mnist.params.photographs import Photographs
from fashion_mnist.params.train import Train as NetworkTrain
from fashion_mnist.teaching import fit as heads
from fashion_mnist.teaching.fit import Checked, Examples
from fashion_mnist.training import cnn, fit, model_file, photograph_graph, prediction
from photographs import collection
from photographs.collection import PICTURES, Collection
from photographs.train import ANSWERS

# The class of photographs that a class of Fashion-MNIST is; bags are none of them.
MEANING = {
    "T-shirt/top": "T-shirt",
    "Trouser": "Trousers",
    "Pullover": "Long sleeve",
    "Dress": "Dress",
    "Coat": "Outerwear",
    "Sandal": "Shoes",
    "Shirt": "Shirt",
    "Sneaker": "Shoes",
    "Bag": "another garment",
    "Ankle boot": "Shoes",
}
FOLDS = 5  # of the trainings on 28x28 pixels, each of a minute
EPOCHS, BATCH_SIZE, LEARNING_RATE = 15, 100, 0.002
IMAGES, VALIDATION_IMAGES = 10_000, 2_000  # of Fashion-MNIST, whose features are computed
CHUNKS = 20


def main() -> None:
    settings = Photographs.load()
    names = collection.class_names(settings.classes)
    learned = Collection.load().to_learn_from
    labels = learned.examples.labels
    is_garment = labels != names.index(settings.classes.other)
    model = OnnxModel(Path("models/cnn.onnx"))
    progress.say("compare: the photographs as 28x28 pixels")
    small = np.stack([_small(PICTURES / path, model.spec) for path in learned.paths.tolist()])

    answers = model(small).probabilities.argmax(axis=1)
    meant = np.array([names.index(MEANING[name]) for name in model.spec.classes])[answers]
    results: dict[str, Any] = {"cnn_28x28": _accuracies(meant == labels, is_garment)}

    with np.load(ANSWERS) as content:
        people_folds = Checked(**content).folds % FOLDS
    predicted = _fine_tuned(small, labels, people_folds, names, model.spec)
    results["cnn_28x28_fine_tuned"] = _accuracies(predicted == labels, is_garment)

    progress.say(f"compare: the frozen network's features of {IMAGES:,} images of Fashion-MNIST")
    network = photograph_graph.to_onnx(settings.backbone, head=None)
    results["features_of_fashion_mnist"] = _transferred(
        PhotographModel(network.SerializeToString()), settings.train
    )
    files.write_json(Path("photographs/metrics/compare.json"), {"compare": results})


def _accuracies(right: np.ndarray, is_garment: np.ndarray) -> dict[str, float]:
    return {
        "accuracy": float(right.mean()),
        "accuracy_without_other": float(right[is_garment].mean()),
    }


def _small(path: Path, spec: Spec) -> np.ndarray:
    """Return a photograph as the CNN reads it; black where nothing can be cut out."""
    try:
        return picture.pixels(path, str(path), spec)
    except InputError:
        return np.zeros(spec.pixels_shape, np.uint8)


def _fine_tuned(
    small: np.ndarray, labels: np.ndarray, folds: np.ndarray, names: list[str], spec: Spec
) -> np.ndarray:
    """Return what a CNN answers about photographs of people that it did not learn from."""
    trained = model_file.load(Path("models/cnn.keras"), spec)
    spec = spec.model_copy(update={"classes": names})
    images = small[..., None] / np.float32(255)
    everything = Split(images, labels.astype(np.uint8), spec)
    alone = {"members": 1, "optimizer": "adamw"}
    schedule = {"learning_rate": LEARNING_RATE, "schedule": "cosine"}
    recipe = CNN.load().model_copy(update=alone | schedule)
    settings = NetworkTrain.load().model_copy(update={"epochs": EPOCHS, "batch_size": BATCH_SIZE})
    predicted = np.zeros(len(labels), int)
    for fold in range(FOLDS):
        progress.say(f"compare: training on from the CNN, fold {fold + 1}/{FOLDS}")
        fit.prepare(settings)
        model = cnn.build(recipe, spec)
        for layer in model.layers:
            if layer.weights and layer.name != "logits":
                layer.set_weights(trained.get_layer(layer.name).get_weights())
        held_out = folds == fold
        held = everything.take(np.flatnonzero(held_out))
        fit.fit(model, everything.take(np.flatnonzero(~held_out)), held, settings, recipe)
        predicted[held_out] = prediction.predict(model, held.images).argmax(axis=1)
    return predicted


def _transferred(network: PhotographModel, settings: Train) -> dict[str, float]:
    """Return the accuracy of frozen features on Fashion-MNIST, with its 95 % interval."""
    parts = []
    for folder, count in (("train", IMAGES), ("validation", VALIDATION_IMAGES)):
        split = splits.load(Path("data") / folder)
        split = split.take(np.arange(min(count, len(split.labels))))
        # Enlarged, all of them would take gigabytes.
        features = np.concatenate(
            [
                network.features(np.stack([_enlarged(image, network.side) for image in images]))
                for images in np.array_split(splits.to_pixels(split.images), CHUNKS)
            ]
        )
        parts.append((features, split.labels.astype(int)))
    (features, labels), (asked, true) = parts
    examples = Examples(features, labels, np.arange(len(labels)))
    right = heads.classify(examples, asked, labels.max() + 1, settings).argmax(axis=1) == true
    low, high = metrics.accuracy_interval(right)
    return {"accuracy": float(right.mean()), "accuracy_low": low, "accuracy_high": high}


def _enlarged(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return an image of the dataset as the network reads photographs."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "BMP")
    content.seek(0)
    return photograph.pixels(content, "image", side)


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
