"""data/raw -> data/train, data/validation, data/test: normalised, reshaped, split.

Images are float32 (n, 28, 28, 1) in [0, 1], labels uint8 (n,), both in .npy files. Also
plots/samples.png and metrics/dataset.json, the number of images by split and class.
"""

from pathlib import Path

from fashion_mnist import dataset, figures, files, params, progress
from stages import run


def main() -> None:
    normalize = params.load("normalize").normalize
    progress.say("normalize: reading and splitting the images")
    raw = Path("data/raw")
    training = dataset.read_split(raw / dataset.TRAIN_IMAGES, raw / dataset.TRAIN_LABELS)
    test = dataset.read_split(raw / dataset.TEST_IMAGES, raw / dataset.TEST_LABELS)
    train_positions, validation_positions = dataset.split_validation(
        training.labels, normalize.validation_size, normalize.train_size, normalize.seed
    )
    splits = {
        "train": training.take(train_positions),
        "validation": training.take(validation_positions),
        "test": test,
    }
    dataset.save({Path("data") / name: split for name, split in splits.items()})
    files.write_json(
        Path("metrics/dataset.json"),
        {"images": {name: dataset.count_by_class(s.labels) for name, s in splits.items()}},
    )
    figures.samples(Path("plots/samples.png"), *splits["train"], rows=normalize.sample_rows)


if __name__ == "__main__":
    run(main)
