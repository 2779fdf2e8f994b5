"""Find suspicious labels by confident learning: `python -m experiments.label_noise`.

It reads the answers of experiments/folds.py, of models to images that they did not learn from, and
writes experiments/label_noise.json, the counts and the controls, and
experiments/suspicious_labels.csv, the images. It changes no label.

Confident learning flags a label if a model is as sure of another class as it is, on average, of the
images labelled with that class. Source: Northcutt, Jiang and Chuang,
"Confident Learning: Estimating Uncertainty in Dataset Labels", Journal of Artificial Intelligence
Research 70 (2021), arXiv 1911.00068, as cleanlab implements it.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues

from experiments import duplicates, folds
from fashion_mnist import command, files, progress, tables
from fashion_mnist.evaluation import calibration
from fashion_mnist.training import processor

FOUND, LISTED = Path("experiments/label_noise.json"), Path("experiments/suspicious_labels.csv")
SPLITS = ("train", "test")
MODELS = ("cnn", "mlp")
SEEDS = (20, 21, 22)
PLANTED_SEED = 20
# cleanlab's own default; the others show how much the choice matters.
METHOD = "prune_by_noise_rate"
METHODS = (METHOD, "prune_by_class", "both", "confident_learning", "predicted_neq_given")
# Wrong training labels that Müller and Markert found, those that the public thread
# zalandoresearch/fashion-mnist#166 shows first. Source of the method: their "Identifying Mislabeled
# Instances in Classification Datasets", arXiv 1912.05283.
REPORTED = (16691, 28264, 33982, 40513, 42018, 45592)
DRAWS = 20
RESAMPLES = 2000


def suspicious(labels: np.ndarray, probabilities: np.ndarray, method: str = METHOD) -> np.ndarray:
    """Return which labels confident learning flags, bool (n,).

    Args:
        labels: uint8 (n,).
        probabilities: float (n, 10), of models that did not learn from these images.
        method: how cleanlab picks the images, one of METHODS.
    """
    return find_label_issues(labels.astype(int), probabilities, filter_by=method, n_jobs=1)


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of images with the least probable given labels first."""
    return table.sort_values("given_probability", kind="stable", ignore_index=True)


def listed(
    split: str,
    labels: np.ndarray,
    probabilities: np.ndarray,
    flags: dict[str, np.ndarray],
    names: list[str],
) -> pd.DataFrame:
    """Return the images whose labels some model flags, the least probable labels first.

    Args:
        split: train or test.
        labels: uint8 (n,).
        probabilities: float (n, 10).
        flags: by model, bool (n,), whether the label is suspicious.
        names: of the classes.
    """
    chosen = np.flatnonzero(np.any(list(flags.values()), axis=0))
    # The most probable of the other classes: a model may flag what the mean of all does not.
    others = probabilities.copy()
    others[np.arange(len(labels)), labels] = -1
    suggested = others.argmax(axis=1)
    table = pd.DataFrame(
        {
            "split": split,
            "image": chosen,
            "given": np.array(names)[labels[chosen]],
            "suggested": np.array(names)[suggested[chosen]],
            "given_probability": probabilities[chosen, labels[chosen]],
            "suggested_probability": probabilities[chosen, suggested[chosen]],
            **{f"by_{model}": flag[chosen].astype(int) for model, flag in flags.items()},
        }
    )
    return ranked(table)


def count(
    labels: np.ndarray,
    by_seed: dict[str, list[np.ndarray]],
    mean: dict[str, np.ndarray],
    raw: dict[str, np.ndarray],
) -> dict[str, Any]:
    """Count suspicious labels by method, by model and by seed.

    Args:
        labels: uint8 (n,).
        by_seed: by model, probabilities (n, 10) of each seed.
        mean: by model, their means.
        raw: by model, the means before the calibration.
    """
    seeds = {
        model: [suspicious(labels, answers) for answers in each] for model, each in by_seed.items()
    }
    flags = {model: suspicious(labels, answers) for model, answers in mean.items()}
    return {
        "images": len(labels),
        "accuracy": {
            model: float((answers.argmax(axis=1) == labels).mean())
            for model, answers in mean.items()
        },
        "by_method": {
            method: {
                model: int(suspicious(labels, answers, method).sum())
                for model, answers in mean.items()
            }
            for method in METHODS
        },
        "by_seed": {model: [int(flag.sum()) for flag in each] for model, each in seeds.items()},
        "uncalibrated": {
            model: int(suspicious(labels, answers).sum()) for model, answers in raw.items()
        },
        "in_all_seeds": {model: int(np.all(each, axis=0).sum()) for model, each in seeds.items()},
        "in_any_seed": {model: int(np.any(each, axis=0).sum()) for model, each in seeds.items()},
        "by_both_models": int(np.all(list(flags.values()), axis=0).sum()),
    }


def reported(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """Say whether the images of REPORTED are suspicious, and which places they take among all.

    Args:
        labels: uint8 (n,), of the training images.
        probabilities: float (n, 10).
    """
    of_label = probabilities[np.arange(len(labels)), labels]
    positions = np.array(REPORTED)
    return {
        "images": len(positions),
        "flagged": int(suspicious(labels, probabilities)[positions].sum()),
        "places": sorted(int((of_label < of_label[one]).sum()) + 1 for one in positions),
    }


def planted(labels: np.ndarray, with_wrong: np.ndarray, positions: np.ndarray) -> dict[str, Any]:
    """Count which of the planted wrong labels are found.

    Args:
        labels: uint8 (n,), as they are in the dataset.
        with_wrong: uint8 (n,), with planted wrong labels.
        positions: int64 (m,), of these, as `folds.plant` returns them.
    """
    _, before = calibrate(folds.read("cnn", PLANTED_SEED, labels), labels)
    # The folds are dealt by the true labels.
    _, after = calibrate(folds.read("cnn-planted", PLANTED_SEED, labels), with_wrong)
    answers, flags = after.train, suspicious(with_wrong, after.train)
    return {
        "labels": len(positions),
        **{
            kind: {
                "planted": len(part),
                "flagged": int(flags[part].sum()),
                "true_class_suggested": int((answers[part].argmax(axis=1) == labels[part]).sum()),
            }
            for kind, part in zip(("slips", "confused"), np.array_split(positions, 2), strict=True)
        },
        "others_flagged": int(flags.sum() - flags[positions].sum()),
        "flagged_before": int(suspicious(labels, before.train).sum()),
    }


def without_errors(
    probabilities: np.ndarray, predicted: dict[str, np.ndarray], seed: int = 0
) -> dict[str, Any]:
    """Do the same to labels that are right by definition: drawn from the probabilities.

    Such labels are what a calibrated model expects of a dataset without label errors, whose classes
    overlap as much as the model's probabilities say.

    Args:
        probabilities: float (n, 10), calibrated.
        predicted: by model, int (n,), the classes that it predicts; may be empty.
        seed: of the draws.

    Returns:
        flagged: the mean number of suspicious labels; accuracy and accuracy_without_flagged: by
        model, against the drawn labels.
    """
    rng = np.random.default_rng(seed)
    cumulated = probabilities.cumsum(axis=1)
    flagged = []
    accuracy: dict[str, list[float]] = {model: [] for model in predicted}
    without: dict[str, list[float]] = {model: [] for model in predicted}
    for _ in range(DRAWS):
        uniform = rng.random((len(probabilities), 1)) * cumulated[:, -1:]
        labels = (uniform > cumulated).sum(axis=1).astype(np.uint8)
        flags = suspicious(labels, probabilities)
        flagged.append(flags.sum())
        for model, classes in predicted.items():
            right = classes == labels
            accuracy[model].append(right.mean())
            without[model].append(right[~flags].mean())
    return {
        "flagged": float(np.mean(flagged)),
        "flagged_sd": float(np.std(flagged, ddof=1)),
        "accuracy": {model: float(np.mean(each)) for model, each in accuracy.items()},
        "accuracy_without_flagged": {
            model: float(np.mean(each)) for model, each in without.items()
        },
    }


def worth_of_a_near_duplicate(
    labels: np.ndarray, pairs: pd.DataFrame, answers: dict[int, np.ndarray], limit: float
) -> dict[str, Any]:
    """Compare images whose near-duplicate was learned from with those whose was held out as well.

    Args:
        labels: uint8 (n,).
        pairs: of training images, with the columns image, training_image and ratio.
        answers: by seed of the folds, out-of-fold probabilities (n, 10).
        limit: the greatest ratio of a pair.

    Returns:
        ratio: the limit; images: their number; learned and held_out: accuracy and number of
        answers; difference, with its 95 % interval from a bootstrap of the images.
    """
    near = pairs[pairs["ratio"] <= limit]
    images, partners = near["image"].to_numpy(), near["training_image"].to_numpy()
    right, learned = [], []
    for seed, probabilities in answers.items():
        dealt = folds.dealt(labels, seed)
        learned.append(dealt[images] != dealt[partners])
        right.append(probabilities[images].argmax(axis=1) == labels[images])
    is_right, is_learned = np.stack(right, axis=1), np.stack(learned, axis=1)
    rng = np.random.default_rng(0)
    weights = rng.multinomial(len(images), np.full(len(images), 1 / len(images)), RESAMPLES)

    def accuracy(chosen: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return weights @ (is_right & chosen).sum(axis=1) / (weights @ chosen.sum(axis=1))

    differences = accuracy(is_learned, weights) - accuracy(~is_learned, weights)
    low, high = np.quantile(differences, [0.025, 0.975])
    sides = {"learned": is_learned, "held_out": ~is_learned}
    shares = {
        name: {"accuracy": float(is_right[side].mean()), "answers": int(side.sum())}
        for name, side in sides.items()
    }
    return {
        "ratio": limit,
        "images": len(images),
        **shares,
        "difference": shares["learned"]["accuracy"] - shares["held_out"]["accuracy"],
        "low": float(low),
        "high": float(high),
    }


class Answers(NamedTuple):
    """What the models answer, by split and model: probabilities, float (n, 10).

    temperatures: by model; by_seed: of each of SEEDS, calibrated; mean: of all of them, calibrated;
    raw: the same before the calibration.
    """

    temperatures: dict[str, float]
    by_seed: dict[str, dict[str, list[np.ndarray]]]
    mean: dict[str, dict[str, np.ndarray]]
    raw: dict[str, dict[str, np.ndarray]]


def read_answers(labels: np.ndarray) -> Answers:
    """Read what the models answer to images that they did not learn from.

    Args:
        labels: uint8 (n,), of the training images.
    """
    found = Answers(
        {},
        {split: {} for split in SPLITS},
        {split: {} for split in SPLITS},
        {split: {} for split in SPLITS},
    )
    for model in MODELS:
        raw = [folds.read(model, seed, labels) for seed in SEEDS]
        raw_mean = folds.Answers(
            np.mean([answers.train for answers in raw], axis=0),
            np.mean([answers.test for answers in raw], axis=0),
        )
        found.temperatures[model], mean = calibrate(raw_mean, labels)
        by_seed = [calibrate(answers, labels)[1] for answers in raw]
        for split in SPLITS:
            found.by_seed[split][model] = [getattr(answers, split) for answers in by_seed]
            found.mean[split][model] = getattr(mean, split)
            found.raw[split][model] = getattr(raw_mean, split)
    return found


def calibrate(answers: folds.Answers, labels: np.ndarray) -> tuple[float, folds.Answers]:
    """Return the temperature that the training images ask for, and the answers at it.

    Label smoothing makes the CNN less sure than it is right.

    Args:
        answers: as `folds.read` returns them.
        labels: uint8 (n,), of the training images.
    """
    temperature = calibration.fit_temperature(answers.train, labels)
    return temperature, folds.Answers(*(calibration.apply(part, temperature) for part in answers))


def main() -> None:
    train, test = folds.original()
    labels = {"train": train.labels, "test": test.labels}
    answers = read_answers(train.labels)
    predicted = {
        model: pd.Categorical(
            tables.read(Path(f"plots/predictions_{model}.csv"))["predicted"], folds.class_names()
        ).codes
        for model in MODELS
    }
    found: dict[str, Any] = {
        "processor": processor.describe(),
        "temperatures": answers.temperatures,
    }
    lists = []
    for split, of_split in labels.items():
        progress.say(f"label_noise: the labels of {len(of_split):,} {split} images")
        mean = answers.mean[split]
        found[split] = {
            **count(of_split, answers.by_seed[split], mean, answers.raw[split]),
            "without_errors": without_errors(mean["cnn"], predicted if split == "test" else {}),
        }
        flags = {model: suspicious(of_split, each) for model, each in mean.items()}
        lists.append(listed(split, of_split, mean["cnn"], flags, folds.class_names()))
    found["reported"] = reported(train.labels, answers.mean["train"]["cnn"])
    found["planted"] = planted(train.labels, *folds.plant(train, PLANTED_SEED))
    pairs = tables.read(duplicates.PAIRS)
    of_seed = dict(zip(SEEDS, answers.by_seed["train"]["cnn"], strict=True))
    found["near_duplicates"] = [
        worth_of_a_near_duplicate(train.labels, pairs[pairs["split"] == "train"], of_seed, limit)
        for limit in (duplicates.NEAR, duplicates.LISTED)
    ]
    files.write_json(FOUND, found)
    table = pd.concat(lists)
    probabilities = ["given_probability", "suggested_probability"]
    table[probabilities] = table[probabilities].round(4)
    tables.write(LISTED, table)


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
