"""data/raw -> data/train, data/validation, data/test: normalized, reshaped, split.

Images are float32 (n, side, side, channels) in [0, 1], labels uint8 (n,), both in .npy files;
data/dataset.json says what they are. Also writes plots/samples.png and metrics/dataset.json, the
number of images by split and class.
"""

from pathlib import Path

import numpy as np

from fashion_mnist import command, files, progress
from fashion_mnist.dataset import hold_out, idx, pictures, splits
from fashion_mnist.evaluation import plots
from fashion_mnist.params.dataset import Dataset
from fashion_mnist.params.normalize import Normalize


def main() -> None:
    normalize, dataset = Normalize.load(), Dataset.load()
    progress.say("normalize: reading and splitting the images")
    raw = Path("data/raw")
    if dataset.pictures:
        everything, groups = pictures.read(raw, dataset.spec, dataset.pictures.groups)
        kept, held_out = hold_out.share(
            everything, groups, dataset.pictures.test_size, dataset.pictures.seed
        )
        original_train, groups = everything.take(kept), groups[kept]
        test = everything.take(held_out)
    else:
        original_train = idx.read_split(raw, idx.TRAIN, dataset.spec)
        test = idx.read_split(raw, idx.TEST, dataset.spec)
        groups = np.arange(len(original_train.labels))
    train_positions, validation_positions = hold_out.validation(
        original_train, groups, normalize.validation_size, normalize.train_size, normalize.seed
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
        "train": splits.count_by_class(train),
        "validation": splits.count_by_class(validation),
        "test": splits.count_by_class(test),
    }
    files.write_json(Path("metrics/dataset.json"), {"images": counts})
    plots.samples(Path("plots/samples.png"), train, rows=normalize.sample_rows)


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
