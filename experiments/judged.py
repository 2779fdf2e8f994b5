"""Draw sheets to judge pairs and labels by eye: `python -m experiments.judged FOLDER`.

The sheets are blind. Pairs stand in random order, without their ratio, and some of them are not
near-duplicates. Labels stand as two class names in random order, without saying which one is given,
and some of the images are not suspicious. A key beside the sheets, pairs.csv or labels.csv, says
what each number is. Whoever judges reads the key last, adds a column `verdict`, and puts the
file into experiments/judged/:

- pairs.csv: same (garment, in whatever shade), other, or unclear;
- labels.csv: given, other, neither, or unclear where both names suit.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments import duplicates, folds, label_noise
from experiments.duplicates import Neighbours
from fashion_mnist import command, tables
from fashion_mnist.errors import InputError
from fashion_mnist.evaluation import plots

PAIRS, LABELS = Path("experiments/judged/pairs.csv"), Path("experiments/judged/labels.csv")
# The upper bounds of the ratios from which equally many pairs are judged.
BANDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0)
PAIRS_PER_BAND = 25
TRAIN_LABELS, CONTROLS = 100, 60
COLUMNS, ROWS = 8, 6  # images on a sheet


def pair_sample(found: Neighbours, seed: int = 0) -> pd.DataFrame:
    """Return test images with their nearest training images, from all bands, in random order."""
    rng = np.random.default_rng(seed)
    chosen: list[int] = []
    for low, high in zip((-1.0, *BANDS), BANDS, strict=False):
        inside = np.flatnonzero((found.ratios > low) & (found.ratios <= high))
        size = min(PAIRS_PER_BAND, len(inside))
        chosen += rng.choice(inside, size, replace=False).tolist()
    images = np.array(chosen)[rng.permutation(len(chosen))]
    return pd.DataFrame(
        {
            "image": images,
            "training_image": found.positions[images],
            "ratio": found.ratios[images].round(4),
        }
    )


def label_sample(suspicious: pd.DataFrame, others: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return images in random order, each with its given and another label.

    They are all suspicious test images, TRAIN_LABELS suspicious training images, and as controls
    CONTROLS test images that are not suspicious, each with the two labels of a suspicious one.

    Args:
        suspicious: what the CNNs flag, with split, image, given and suggested.
        others: the same columns, of the other test images.
        seed: of the random choice.
    """
    rng = np.random.default_rng(seed)
    test = suspicious[suspicious["split"] == "test"]
    train = suspicious[suspicious["split"] == "train"]
    parts = [test, train.iloc[rng.permutation(len(train))[:TRAIN_LABELS]]]
    free = others.iloc[rng.permutation(len(others))]
    for _, like in test.iloc[rng.permutation(len(test))[:CONTROLS]].iterrows():
        pair = (free["given"] == like["given"]) & (free["suggested"] == like["suggested"])
        parts.append(free[pair].head(1))
        free = free.drop(parts[-1].index)
    sample = pd.concat(parts).iloc[rng.permutation(sum(map(len, parts)))]
    flagged = [*suspicious[["split", "image"]].itertuples(index=False, name=None)]
    keys = sample[["split", "image"]].itertuples(index=False, name=None)
    return pd.DataFrame(
        {
            "split": sample["split"],
            "image": sample["image"],
            "given": sample["given"],
            "other": sample["suggested"],
            "suspicious": [int(key in set(flagged)) for key in keys],
            "given_first": rng.integers(0, 2, len(sample)),
        }
    ).reset_index(drop=True)


def read(path: Path, verdicts: set[str]) -> pd.DataFrame:
    """Return the judged sample of a path.

    Raises:
        InputError: a verdict is none of `verdicts`.
    """
    table = tables.read(path)
    if unknown := set(table.get("verdict", ["missing"])) - verdicts:
        raise InputError(
            f"{path}: verdict {unknown.pop()}, expected {', '.join(sorted(verdicts))}; correct it"
        )
    return table


def draw(path: Path, cells: list[tuple[str, list[np.ndarray]]]) -> None:
    """Draw sheets, path-1.png and so on: a title for each cell, above one image or two.

    Args:
        path: without number and ending.
        cells: title and images (28, 28, 1) of each cell, all with as many images.
    """
    width = len(cells[0][1])
    on_sheet = COLUMNS // width * ROWS
    for start in range(0, len(cells), on_sheet):
        figure = Figure(figsize=(1.6 * COLUMNS, 1.9 * ROWS))
        grid = figure.subplots(ROWS, COLUMNS // width, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for axes, (title, images) in zip(grid.flat, cells[start : start + on_sheet], strict=False):
            # Each image as bright as it can be, because dark garments hide their seams.
            row = np.hstack([image[..., 0] / max(image.max(), 0.1) for image in images])
            axes.imshow(row, cmap="gray_r", vmin=0, vmax=1)
            axes.set_title(title)
        plots.save(path.with_name(f"{path.name}-{start // on_sheet + 1}.png"), figure)


def main(folder: Path) -> None:
    train, test = folds.original()
    pairs = pair_sample(duplicates.nearest(test.images, train.images))
    tables.write(folder / "pairs.csv", pairs)
    shown = zip(pairs["image"], pairs["training_image"], strict=True)
    draw(
        folder / "pairs",
        [(str(n), [test.images[i], train.images[j]]) for n, (i, j) in enumerate(shown)],
    )
    answers = label_noise.read_answers(train.labels).mean
    flags = {
        name: label_noise.suspicious(part.labels, answers[name]["cnn"])
        for name, part in (("train", train), ("test", test))
    }
    sample = label_sample(
        pd.concat(
            label_noise.listed(
                name, part.labels, answers[name]["cnn"], {"cnn": flags[name]}, folds.class_names()
            )
            for name, part in (("train", train), ("test", test))
        ),
        label_noise.listed(
            "test",
            test.labels,
            answers["test"]["cnn"],
            {"cnn": ~flags["test"]},
            folds.class_names(),
        ),
    )
    tables.write(folder / "labels.csv", sample)
    splits = {"train": train.images, "test": test.images}
    cells = []
    for number, row in enumerate(sample.to_dict("records")):
        names = [row["given"], row["other"]]
        first, second = names if row["given_first"] else names[::-1]
        title = f"{number}\n1 {first}\n2 {second}"
        cells.append((title, [splits[row["split"]][row["image"]]]))
    draw(folder / "labels", cells)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("folder", type=Path, help="where the sheets and their keys go")
    return parser


if __name__ == "__main__":
    command.run(main, parser())
