"""models/cnn.onnx, data/train -> models/similar: the training images, searchable by features.

metrics/similar_items.json: how often the images found for images of data/test share their class,
by features and by raw pixels. plots/similar_items.png: those found for one image of each class.
"""

from pathlib import Path

import numpy as np

from fashion_mnist import command, files, progress
from fashion_mnist.dataset import splits
from fashion_mnist.evaluation import metrics, plots, retrieval
from fashion_mnist.inference import similarity
from fashion_mnist.inference.onnx_model import OnnxModel
from fashion_mnist.params.similar_items import SimilarItems


def main() -> None:
    settings = SimilarItems.load()
    train, test = splits.load(Path("data/train")), splits.load(Path("data/test"))
    queries = test.take(np.arange(min(settings.queries, len(test.labels))))
    pixels, query_pixels = splits.to_pixels(train.images), splits.to_pixels(queries.images)
    path = Path("models/cnn.onnx")
    model = OnnxModel(path)
    progress.say(f"similar_items: what the CNN sees in {len(pixels):,} training images")
    features, query_features = model(pixels).features, model(query_pixels).features
    index = similarity.Index(similarity.unit_length(features), pixels, train.labels)
    similarity.save(index, Path("models/similar"), path)

    shown = splits.one_of_each_class(queries.labels)
    found = [index.nearest(query_features[position], settings.items_shown)[0] for position in shown]
    plots.similar_items(
        Path("plots/similar_items.png"),
        queries.take(shown),
        [train.take(positions) for positions in found],
        "Test images (left) and the training images that the CNN finds most similar",
    )
    results = {}
    for space, gallery, vectors in (
        ("features", features, query_features),
        ("pixels", train.images, queries.images),
    ):
        progress.say(f"similar_items: looking up {len(queries.labels):,} test images by {space}")
        measured = retrieval.retrieval(
            gallery.reshape(len(gallery), -1),
            train.labels,
            vectors.reshape(len(vectors), -1),
            queries.labels,
        )
        results[space] = {name: metrics.mean_interval(values) for name, values in measured.items()}
    files.write_json(Path("metrics/similar_items.json"), {"similar_items": results})


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
