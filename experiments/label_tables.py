"""The tables of docs/labels.md, from what was found and judged."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from experiments import duplicates, folds, judged, label_noise
from experiments.label_plots import Accuracy
from fashion_mnist import tables
from fashion_mnist.evaluation import metrics

LISTED_LABELS, LISTED_PAIRS = 20, 12
MODELS = label_noise.MODELS
SEED_SPREAD = Path("metrics/seed_spread.json")
# The names of the controls among the accuracies.
RANDOM = "random images of the same classes"
DRAWN = "nothing (labels without errors)"
DRAWN_WITHOUT = "suspicious labels (labels without errors)"


class Findings(NamedTuple):
    """Everything that the document says, from committed files.

    copies: experiments/duplicates.json; pairs: experiments/duplicates.csv; noise:
    experiments/label_noise.json; labels: experiments/suspicious_labels.csv; judged_pairs and
    judged_labels: experiments/judged/; predictions: plots/predictions_MODEL.csv, by model;
    seed_spread: metrics/seed_spread.json.
    """

    copies: dict[str, Any]
    pairs: pd.DataFrame
    noise: dict[str, Any]
    labels: pd.DataFrame
    judged_pairs: pd.DataFrame
    judged_labels: pd.DataFrame
    predictions: dict[str, pd.DataFrame]
    seed_spread: dict[str, Any]


def read(root: Path = Path()) -> Findings:
    """Read the findings of a repository."""
    return Findings(
        json.loads((root / duplicates.COUNTS).read_text()),
        tables.read(root / duplicates.PAIRS),
        json.loads((root / label_noise.FOUND).read_text()),
        tables.read(root / label_noise.LISTED),
        judged.read(root / judged.PAIRS, {"same", "other", "unclear"}),
        judged.read(root / judged.LABELS, {"given", "other", "neither", "unclear"}),
        {model: tables.read(root / predictions(model)) for model in MODELS},
        json.loads((root / SEED_SPREAD).read_text()),
    )


def predictions(model: str) -> Path:
    """Return the file with the predictions of one of the workflow's models."""
    return Path(f"plots/predictions_{model}.csv")


def left_out(found: Findings) -> dict[str, np.ndarray]:
    """Return what the accuracies leave out, by name: positions of test images, int64 (n,)."""
    pairs = found.pairs[found.pairs["split"] == "test"]
    labels = found.labels[found.labels["split"] == "test"]
    by = {model: labels.loc[labels[f"by_{model}"] == 1, "image"] for model in MODELS}
    eye = found.judged_labels
    wrong = (eye["split"] == "test") & (eye["suspicious"] == 1)
    wrong &= eye["verdict"].isin(["other", "neither"])
    positions = {
        "nothing": pairs["image"].head(0),
        "near-duplicates": pairs.loc[pairs["ratio"] <= duplicates.NEAR, "image"],
        f"pairs up to a ratio of {duplicates.LISTED}": pairs["image"],
        "labels suspicious to the CNNs": by["cnn"],
        "labels suspicious to the MLPs": by["mlp"],
        "labels suspicious to both": by["cnn"][by["cnn"].isin(by["mlp"])],
        "labels judged wrong by eye": eye.loc[wrong, "image"],
    }
    return {name: np.sort(of.to_numpy(dtype=int)) for name, of in positions.items()}


def accuracy_without(answers: pd.DataFrame, positions: np.ndarray) -> tuple[float, float, float]:
    """Return the accuracy without the images at `positions`, with its 95 % interval."""
    right = np.delete(metrics.is_right(answers), positions)
    return float(right.mean()), *metrics.accuracy_interval(right)


def accuracy_without_as_many(answers: pd.DataFrame, positions: np.ndarray) -> float:
    """Return the accuracy to expect without as many random images of the same classes."""
    right = pd.Series(metrics.is_right(answers))
    classes = answers["actual"]
    share = right.groupby(classes).mean()
    removed = classes.iloc[positions].value_counts()
    return float((right.sum() - (share * removed).sum()) / (len(right) - len(positions)))


def accuracies(found: Findings) -> list[Accuracy]:
    """Return the accuracies without each group of images, then the controls."""
    groups = left_out(found)
    first = next(iter(found.predictions.values()))
    rows = [
        Accuracy(
            name,
            len(first) - len(positions),
            {
                model: accuracy_without(table, positions)
                for model, table in found.predictions.items()
            },
            False,
        )
        for name, positions in groups.items()
    ]
    suspicious = groups["labels suspicious to the CNNs"]
    rows.append(
        Accuracy(
            RANDOM,
            len(first) - len(suspicious),
            {
                model: (accuracy_without_as_many(table, suspicious), np.nan, np.nan)
                for model, table in found.predictions.items()
            },
            True,
        )
    )
    drawn = found.noise["test"]["without_errors"]
    for name, key, count in (
        (DRAWN, "accuracy", 0),
        (DRAWN_WITHOUT, "accuracy_without_flagged", drawn["flagged"]),
    ):
        shares = {model: (drawn[key][model], np.nan, np.nan) for model in MODELS}
        rows.append(Accuracy(name, round(len(first) - count), shares, True))
    return rows


def accuracy_table(rows: list[Accuracy]) -> str:
    """Return the accuracies as a Markdown table."""
    lines = [
        "| left out | test images left | " + " | ".join(f"{m.upper()}, %" for m in MODELS) + " |",
        "|---|--:|" + "---|" * len(MODELS),
    ]
    for row in rows:
        cells = [_interval(row.shares[model]) for model in MODELS]
        name = f"*{row.name}*" if row.is_control else row.name
        lines.append(f"| {name} | {row.images:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def judged_pairs(found: Findings) -> str:
    """Return the pairs judged by eye as a Markdown table, by ratio."""
    table = found.judged_pairs
    counts = np.array(found.copies["pixels"]["ratios"])
    lines = [
        "| ratio | test images | judged | the same garment | another | unclear |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for low, high in zip((0.0, *judged.BANDS), judged.BANDS, strict=False):
        part = table.loc[in_band(table["ratio"], low, high), "verdict"]
        bars = slice(round(low / duplicates.BIN), round(high / duplicates.BIN))
        cells = [f"{(part == verdict).sum()}" for verdict in ("same", "other", "unclear")]
        lines.append(
            f"| {low:g} to {high:g} | {counts[bars].sum():,} | {len(part)} | {' | '.join(cells)} |"
        )
    return "\n".join(lines)


def in_band(ratios: pd.Series, low: float, high: float) -> pd.Series:
    """Return which ratios belong to a band; the lowest has 0, the highest what rounds above 1."""
    return (ratios > (low or -1)) & (ratios <= high)


def judged_labels(found: Findings) -> str:
    """Return the labels judged by eye as a Markdown table, suspicious ones and controls."""
    table = found.judged_labels
    lines = [
        "| | judged | the suggested class | neither | unclear, both suit | the given label |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, chosen in _judged_groups(table).items():
        part = table.loc[chosen, "verdict"]
        shares = [
            f"{(part == verdict).sum()} ({100 * (part == verdict).mean():.0f} %)"
            for verdict in ("other", "neither", "unclear", "given")
        ]
        lines.append(f"| {name} | {len(part)} | {' | '.join(shares)} |")
    return "\n".join(lines)


def _judged_groups(table: pd.DataFrame) -> dict[str, pd.Series]:
    suspicious, test = table["suspicious"] == 1, table["split"] == "test"
    return {
        "suspicious, test": suspicious & test,
        "suspicious, training (a sample)": suspicious & ~test,
        "controls: not suspicious, test": ~suspicious,
    }


def wrong_labels(found: Findings) -> dict[str, str]:
    """Return the estimated share of labels that the eye finds wrong, by split, as text."""
    estimates = {}
    for split, name in (
        ("test", "suspicious, test"),
        ("train", "suspicious, training (a sample)"),
    ):
        verdicts = found.judged_labels.loc[_judged_groups(found.judged_labels)[name], "verdict"]
        wrong = verdicts.isin(["other", "neither"])
        flagged = found.noise[split]["by_method"][label_noise.METHOD]["cnn"]
        share = flagged / found.noise[split]["images"]
        low, high = metrics.accuracy_interval(wrong.to_numpy())
        estimates[f"{split}_wrong"] = f"{100 * share * wrong.mean():.2f}"
        estimates[f"{split}_wrong_interval"] = (
            f"{100 * share * low:.2f} to {100 * share * high:.2f}"
        )
    return estimates


def methods(noise: dict[str, Any]) -> str:
    """Return the numbers of suspicious labels by method as a Markdown table."""
    lines = [
        "| | training, CNNs | training, MLPs | test, CNNs | test, MLPs |",
        "|---|--:|--:|--:|--:|",
    ]
    for method in label_noise.METHODS:
        cells = [
            _count(noise[split]["by_method"][method][model], noise[split]["images"])
            for split in label_noise.SPLITS
            for model in MODELS
        ]
        lines.append(f"| `{method}` | {' | '.join(cells)} |")
    for name, key in (
        ("not calibrated", "uncalibrated"),
        ("in every seed", "in_all_seeds"),
        ("in any seed", "in_any_seed"),
    ):
        cells = [
            _count(noise[split][key][model], noise[split]["images"])
            for split in label_noise.SPLITS
            for model in MODELS
        ]
        lines.append(f"| `{label_noise.METHOD}`, {name} | {' | '.join(cells)} |")
    cells = [
        f"{min(seeds):,} to {max(seeds):,}"
        for split in label_noise.SPLITS
        for seeds in (noise[split]["by_seed"][model] for model in MODELS)
    ]
    lines.append(f"| `{label_noise.METHOD}`, one seed | {' | '.join(cells)} |")
    return "\n".join(lines)


def class_pairs(labels: pd.DataFrame) -> np.ndarray:
    """Count suspicious training labels by class, int (10, 10): rows given, columns suggested."""
    chosen = labels[(labels["split"] == "train") & (labels["by_cnn"] == 1)]
    counts = pd.crosstab(chosen["given"], chosen["suggested"])
    return counts.reindex(
        index=folds.class_names(), columns=folds.class_names(), fill_value=0
    ).to_numpy()


def most_suspicious(found: Findings, split: str) -> str:
    """Return the least probable given labels of a split as a Markdown table."""
    table = found.labels[(found.labels["split"] == split) & (found.labels["by_cnn"] == 1)]
    verdicts = found.judged_labels.set_index(["split", "image"])["verdict"]
    by_eye = {"given": "given", "other": "suggested", "neither": "neither", "unclear": "unclear"}
    headings = ["image", "given label", "its probability, %", "suggested", "its probability, %"]
    lines = [[*headings, "MLPs too", "by eye"], ["--:", "---", "--:", "---", "--:", "---", "---"]]
    lines += [
        [
            f"{row['image']}",
            row["given"],
            f"{100 * row['given_probability']:.2f}",
            row["suggested"],
            f"{100 * row['suggested_probability']:.1f}",
            "yes" if row["by_mlp"] else "no",
            by_eye.get(verdicts.get((split, row["image"]), ""), "not judged"),
        ]
        for row in table.head(LISTED_LABELS).to_dict("records")
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _interval(share: tuple[float, float, float]) -> str:
    value, low, high = (100 * part for part in share)
    return f"{value:.2f}" if np.isnan(low) else f"{value:.2f} ({low:.2f} to {high:.2f})"


def _count(count: int, images: int) -> str:
    return f"{count:,} ({100 * count / images:.1f} %)"


def same_garment(found: Findings, limit: float) -> tuple[float, float]:
    """Estimate the test images, up to a ratio, whose garment is in a training image as well.

    Returns:
        Their number by the pairs judged the same, and with the unclear ones added.
    """
    table = found.judged_pairs
    counts = np.array(found.copies["pixels"]["ratios"])
    same = unclear = 0.0
    for low, high in zip((0.0, *judged.BANDS), judged.BANDS, strict=False):
        if high <= limit:
            verdicts = table.loc[in_band(table["ratio"], low, high), "verdict"]
            images = counts[round(low / duplicates.BIN) : round(high / duplicates.BIN)].sum()
            same += images * (verdicts == "same").mean()
            unclear += images * (verdicts == "unclear").mean()
    return same, same + unclear


def near_table(copies: dict[str, Any]) -> str:
    """Return the numbers of near-duplicates as rows of a Markdown table."""
    names = {
        "pixels": "of a test image in the training set",
        "mirrored": "of a mirrored test image in the training set, a control",
        "within_train": "of a training image in the training set",
    }
    return "\n".join(
        f"| {name} | {_count(copies[key]['near'], copies[key]['images'])} "
        f"| {copies[key]['images']:,} | {copies[key]['other_label']} |"
        for key, name in names.items()
    )


def nearest_pairs(pairs: pd.DataFrame) -> str:
    """Return the nearest pairs of a test and a training image as a Markdown table."""
    lines = ["| test image | training image | ratio |", "|--:|--:|--:|"]
    lines += [
        f"| {row['image']} | {row['training_image']} | {row['ratio']:.2f} |"
        for row in pairs[pairs["split"] == "test"].head(LISTED_PAIRS).to_dict("records")
    ]
    return "\n".join(lines)


def worth(noise: dict[str, Any]) -> str:
    """Return what a learned near-duplicate is worth as a Markdown table."""
    lines = [
        "| ratio of the pair | images | accuracy, the other learned, % | not learned, % "
        "| difference, points (95 % interval) |",
        "|---|--:|--:|--:|---|",
    ]
    for row in noise["near_duplicates"]:
        learned, held_out = row["learned"]["accuracy"], row["held_out"]["accuracy"]
        interval = " to ".join(f"{100 * row[side]:+.2f}" for side in ("low", "high"))
        lines.append(
            f"| up to {row['ratio']:g} | {row['images']:,} | {100 * learned:.2f} "
            f"| {100 * held_out:.2f} | {100 * row['difference']:+.2f} ({interval}) |"
        )
    return "\n".join(lines)
