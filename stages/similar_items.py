"""models/cnn.onnx, data/train -> models/similar: the training images, searchable by features.

metrics/similar_items.json: how often what is found for images of data/test shares their class, by
features and by raw pixels; plots/similar_items.png: what is found for one image of each class.
"""

from pathlib import Path

import numpy as np

from fashion_mnist import dataset, figures, files, metrics, params, progress, similarity
from fashion_mnist.classifier import Classifier
from stages import run


def main() -> None:
    settings = params.load("similar_items").similar_items
    training, test = dataset.load(Path("data/train")), dataset.load(Path("data/test"))
    queries = test.take(np.arange(min(settings.queries, len(test.labels))))
    pixels, query_pixels = dataset.to_pixels(training.images), dataset.to_pixels(queries.images)
    network = Path("models/cnn.onnx")
    classifier = Classifier(network)
    progress.say(f"similar_items: what the CNN sees in {len(pixels):,} training images")
    features, query_features = classifier(pixels).features, classifier(query_pixels).features
    index = similarity.Index(similarity.unit_length(features), pixels, training.labels)
    similarity.save(index, Path("models/similar"), network)

    shown = np.unique(queries.labels, return_index=True)[1]
    found = [index.nearest(query_features[position], settings.shown)[0] for position in shown]
    figures.similar_items(
        Path("plots/similar_items.png"),
        queries.take(shown),
        [training.take(positions) for positions in found],
        "Test images (left) and the training images that the CNN finds most similar",
    )
    report = {}
    for space, gallery, vectors in (
        ("features", features, query_features),
        ("pixels", training.images, queries.images),
    ):
        progress.say(f"similar_items: looking up {len(queries.labels):,} test images by {space}")
        figures_of_merit = similarity.retrieval(
            gallery.reshape(len(gallery), -1),
            training.labels,
            vectors.reshape(len(vectors), -1),
            queries.labels,
        )
        report[space] = {
            name: metrics.mean_interval(values) for name, values in figures_of_merit.items()
        }
    files.write_json(Path("metrics/similar_items.json"), {"similar_items": report})


if __name__ == "__main__":
    run(main)
