"""data/raw -> data/train, data/validation, data/test: normalized, reshaped, split.

Images are float32 (n, 28, 28, 1) in [0, 1], labels uint8 (n,), both in .npy files. Also writes
plots/samples.png and metrics/dataset.json, the number of images by split and class.
"""

from pathlib import Path

from fashion_mnist import command, files, progress
from fashion_mnist.dataset import idx, spec, splits
from fashion_mnist.evaluation import plots
from fashion_mnist.params.normalize import Normalize


def main() -> None:
    normalize = Normalize.load()
    progress.say("normalize: reading and splitting the images")
    raw = Path("data/raw")
    original_train = idx.read_split(raw / spec.TRAIN_IMAGES, raw / spec.TRAIN_LABELS)
    test = idx.read_split(raw / spec.TEST_IMAGES, raw / spec.TEST_LABELS)
    train_positions, validation_positions = splits.hold_out(
        original_train.labels, normalize.validation_size, normalize.train_size, normalize.seed
    )
    train = original_train.take(train_positions)
    validation = original_train.take(validation_positions)
    splits.save(
        {
            Path("data/train"): train,
            Path("data/validation"): validation,
            Path("data/test"): test,
        }
    )
    counts = {
        "train": splits.count_by_class(train.labels),
        "validation": splits.count_by_class(validation.labels),
        "test": splits.count_by_class(test.labels),
    }
    files.write_json(Path("metrics/dataset.json"), {"images": counts})
    plots.samples(Path("plots/samples.png"), *train, rows=normalize.sample_rows)


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
