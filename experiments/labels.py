"""Write docs/labels.md: duplicates, suspicious labels, and the accuracy without them.

`python -m experiments.labels` reads what experiments/duplicates.py and experiments/label_noise.py
found, what was judged by eye (experiments/judged/), and the committed predictions of the workflow's
models. It changes no label.
"""

from pathlib import Path

import numpy as np

from benchmarks import measured
from experiments import duplicates, folds, judged, label_noise, label_plots, label_tables
from experiments.label_plots import VERDICTS, Accuracy, Band
from experiments.label_tables import Findings
from fashion_mnist import command, files

TEXT, DOCUMENT = Path("experiments/labels.md"), Path("docs/labels.md")
SHOWN_PAIRS, SHOWN_LABELS = 6, 32


def document(found: Findings) -> str:
    """Return docs/labels.md: labels.md with the numbers and tables filled in."""
    copies, noise = found.copies, found.noise
    rows = {row.name: row for row in label_tables.accuracies(found)}
    near, wide = (
        label_tables.same_garment(found, limit) for limit in (duplicates.NEAR, duplicates.LISTED)
    )
    flagged = {
        split: noise[split]["by_method"][label_noise.METHOD]["cnn"] for split in label_noise.SPLITS
    }
    drawn = {split: noise[split]["without_errors"] for split in label_noise.SPLITS}
    images = {split: noise[split]["images"] for split in label_noise.SPLITS}
    shirts = label_tables.class_pairs(found.labels)
    shirt = folds.class_names().index("Shirt")
    return TEXT.read_text().format(
        near=copies["pixels"]["near"],
        near_share=f"{100 * copies['pixels']['near'] / copies['pixels']['images']:.1f}",
        near_labels=_labels(copies["pixels"]),
        near_bound=_bound(noise["near_duplicates"][0], copies["pixels"]["near"]),
        wide_bound=_bound(noise["near_duplicates"][1], int((found.pairs["split"] == "test").sum())),
        judged_different=(
            (found.judged_pairs["ratio"] <= duplicates.NEAR)
            & (found.judged_pairs["verdict"] == "other")
        ).sum(),
        judged_near=(found.judged_pairs["ratio"] <= duplicates.NEAR).sum(),
        near_table=label_tables.near_table(copies),
        near_features=copies["features"]["near"],
        near_both=copies["features"]["near_by_pixels_too"],
        same_near=f"{near[0]:.0f} to {near[1]:.0f}",
        same_wide=f"{wide[0]:.0f} to {wide[1]:.0f}",
        wide=f"{(found.pairs['split'] == 'test').sum():,}",
        limit=duplicates.NEAR,
        wide_limit=duplicates.LISTED,
        judged_pairs=label_tables.judged_pairs(found),
        judged_pairs_count=len(found.judged_pairs),
        nearest_pairs=label_tables.nearest_pairs(found.pairs),
        worth=label_tables.worth(noise),
        flagged_train=f"{flagged['train']:,}",
        flagged_train_share=f"{100 * flagged['train'] / noise['train']['images']:.1f}",
        flagged_test=flagged["test"],
        flagged_test_share=f"{100 * flagged['test'] / noise['test']['images']:.1f}",
        **{
            f"drawn_{split}": f"{of['flagged']:.0f} ± {of['flagged_sd']:.0f}"
            for split, of in drawn.items()
        },
        **{
            f"excess_{split}": f"{100 * (flagged[split] - of['flagged']) / images[split]:.1f}"
            for split, of in drawn.items()
        },
        cnn_accuracy=f"{100 * noise['train']['accuracy']['cnn']:.1f}",
        mlp_accuracy=f"{100 * noise['train']['accuracy']['mlp']:.1f}",
        methods=label_tables.methods(noise),
        shirt_share=f"{100 * (shirts[shirt].sum() + shirts[:, shirt].sum()) / shirts.sum():.0f}",
        planted=noise["planted"]["labels"],
        slips=f"{_found(noise['planted']['slips'])}",
        confused=f"{_found(noise['planted']['confused'])}",
        reported=noise["reported"]["images"],
        reported_flagged=noise["reported"]["flagged"],
        reported_last=max(noise["reported"]["places"]),
        judged_labels=label_tables.judged_labels(found),
        judged_labels_count=len(found.judged_labels),
        **label_tables.wrong_labels(found),
        most_suspicious_train=label_tables.most_suspicious(found, "train"),
        most_suspicious_test=label_tables.most_suspicious(found, "test"),
        accuracies=label_tables.accuracy_table(list(rows.values())),
        rise=_rise(rows, "labels suspicious to the CNNs", "cnn"),
        drawn_rise=_rise(rows, label_tables.DRAWN_WITHOUT, "cnn", label_tables.DRAWN),
        mlp_rise=_rise(rows, "labels suspicious to the MLPs", "mlp"),
        mlp_other_rise=_rise(rows, "labels suspicious to the CNNs", "mlp"),
        other_rise=_rise(rows, "labels suspicious to the MLPs", "cnn"),
        random_rise=_rise(rows, label_tables.RANDOM, "cnn"),
        eye_rise=_rise(rows, "labels judged wrong by eye", "cnn"),
        mlp_seeds=f"{100 * found.seed_spread['mlp']['sd']['accuracy']:.2f}",
        cnn_seeds=f"{100 * found.seed_spread['cnn']['sd']['accuracy']:.2f}",
        processor=f"{noise['processor']['model']}, {noise['processor']['kind']}",
        cores=noise["processor"]["cores"],
    )


def _rise(rows: dict[str, Accuracy], name: str, model: str, base: str = "nothing") -> str:
    """Return the points that an accuracy gains when a group of images is left out."""
    return f"{100 * (rows[name].shares[model][0] - rows[base].shares[model][0]):.1f}"


def _labels(counted: dict[str, int]) -> str:
    same = counted["same_label"]
    return "all with the same label" if same == counted["near"] else f"{same} with the same label"


def _bound(row: dict[str, float], images: int) -> str:
    """Return the most that so many of 10,000 test images add to the accuracy, in points."""
    return f"{100 * row['high'] * images / 10_000:.2f}"


def _found(kind: dict[str, int]) -> str:
    return f"{100 * kind['flagged'] / kind['planted']:.0f} %"


def draw(found: Findings) -> None:
    """Draw docs/labels_*.png."""
    train, test = folds.original()
    docs = DOCUMENT.parent
    bands = []
    for low, high in zip((0.0, *judged.BANDS), judged.BANDS, strict=False):
        table = found.judged_pairs
        part = table[label_tables.in_band(table["ratio"], low, high)]
        shown = part.head(SHOWN_PAIRS)
        pairs = np.stack(
            [test.images[shown["image"]], train.images[shown["training_image"]]], axis=1
        )
        counts = part["verdict"].value_counts().reindex(list(VERDICTS), fill_value=0)
        title = (
            f"ratio {low:g} to {high:g}: of {len(part)} judged, {counts['same']} the same garment, "
            f"{counts['other']} another, {counts['unclear']} unclear"
        )
        bands.append(Band(title, pairs, shown["verdict"].tolist()))
    label_plots.near_duplicates(
        docs / "labels_duplicates.png",
        bands,
        "Test images (left) and their nearest training images: one garment (green) or two (red)",
    )
    label_plots.ratios(
        docs / "labels_ratios.png",
        {
            "test images": (found.copies["pixels"]["ratios"], "#2563c9"),
            "mirrored test images, a control": (found.copies["mirrored"]["ratios"], "#c77d0a"),
        },
        duplicates.BIN,
        duplicates.NEAR,
        "How much nearer than others is the nearest training image?",
    )
    for name, split, what in (("train", train, "training"), ("test", test, "test")):
        flagged = found.labels[(found.labels["split"] == name) & (found.labels["by_cnn"] == 1)]
        flagged = flagged.head(SHOWN_LABELS)
        label_plots.suspicious(
            docs / f"labels_{name}.png",
            split.images[flagged["image"]],
            flagged,
            f"The most suspicious {what} labels: given (red), suggested by the CNNs (green)",
        )
    by_pair = label_tables.class_pairs(found.labels)
    label_plots.pairs(
        docs / "labels_pairs.png",
        by_pair,
        folds.class_names(),
        f"{by_pair.sum():,} suspicious training labels, by given label and suggestion",
    )
    label_plots.accuracies(
        docs / "labels_accuracy.png",
        label_tables.accuracies(found),
        "Without suspicious labels the accuracy rises, also where no label is an error (hollow)",
    )


def main() -> None:
    found = label_tables.read()
    draw(found)
    files.write_bytes(DOCUMENT, document(found).encode())
    measured.record(
        DOCUMENT,
        *measured.CODE,
        "experiments/duplicates.py",
        "experiments/folds.py",
        "experiments/judged/labels.csv",
        "experiments/judged/pairs.csv",
        "experiments/label_noise.py",
        "experiments/rows/cnn.args",
        "experiments/rows/mlp.args",
    )


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
