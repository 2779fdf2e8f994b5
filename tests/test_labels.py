"""Planted near-duplicates and wrong labels are found, and nothing else; the document shows them."""

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, SPEC, committed, made_images

from experiments import duplicates, folds, judged, label_noise, label_plots, label_tables, labels
from fashion_mnist.dataset.splits import Split
from fashion_mnist.errors import InputError

RAW, LABELS = made_images(300, seed=6)
IMAGES = RAW[..., None] / np.float32(255)
NAMES = tuple("abcdefghij")


def darker(images: np.ndarray) -> np.ndarray:
    """Return copies as a photograph's second print would be: darker, with a little noise."""
    noise = np.random.default_rng(0).normal(0, 0.01, images.shape).astype(np.float32)
    return np.clip(0.6 * images + noise, 0, 1)


def test_planted_near_duplicates_are_found_and_nothing_else():
    queries, _ = made_images(40, seed=7)
    queries = queries[..., None] / np.float32(255)
    queries[[3, 8]] = darker(IMAGES[[100, 200]])
    found = duplicates.nearest(queries, IMAGES)
    assert np.flatnonzero(found.ratios <= duplicates.NEAR).tolist() == [3, 8]
    assert found.positions[[3, 8]].tolist() == [100, 200]
    # The last query has no copy: its nearest image is as near as the tenth, all but for noise.
    assert found.ratios[-1] > 0.8


def test_no_image_is_its_own_neighbour_also_behind_the_first_batch(monkeypatch):
    monkeypatch.setattr(duplicates, "BATCH_SIZE", 64)
    images = IMAGES.copy()
    images[250] = darker(images[150])
    found = duplicates.nearest(images, images, is_gallery=True)
    assert (found.positions != np.arange(300)).all()
    assert np.flatnonzero(found.ratios <= duplicates.NEAR).tolist() == [150, 250]
    assert found.positions[[150, 250]].tolist() == [250, 150]


def test_near_duplicates_are_counted_by_label():
    found = duplicates.Neighbours(np.array([0, 1, 2]), np.array([0.2, 0.5, 0.51]))
    counted = duplicates.counts(found, np.array([7, 7, 7]), np.array([7, 4, 4]))
    assert (counted["near"], counted["same_label"], counted["other_label"]) == (2, 1, 1)
    assert sum(counted["ratios"]) == 3
    assert sum(counted["ratios_other_label"]) == 2


def test_identical_images_are_counted_once_each():
    images = RAW[[0, 1, 0, 2, 0]]
    assert duplicates.identical(images) == 2
    assert duplicates.identical(images, RAW[[0, 9]]) == 3


def answers(of: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return probabilities (n, 10) that are as sure as models are: mostly very."""
    rng = np.random.default_rng(seed)
    sure = 1 - 0.4 * rng.random((len(of), 1)) ** 4
    others = rng.dirichlet(np.ones(10), len(of))
    return sure * np.eye(10)[of] + (1 - sure) * others


def test_planted_wrong_labels_are_found_and_nothing_else():
    given = LABELS.copy()
    swapped = [np.flatnonzero(given == label)[:6] for label in (0, 3)]
    given[swapped[0]], given[swapped[1]] = 6, 4
    wrong = np.sort(np.concatenate(swapped))
    flags = label_noise.suspicious(given, answers(LABELS))
    assert np.flatnonzero(flags).tolist() == wrong.tolist()
    table = label_noise.listed("train", given, answers(LABELS), {"cnn": flags}, NAMES)
    assert sorted(table["image"]) == wrong.tolist()
    assert table["given_probability"].is_monotonic_increasing
    by_image = table.set_index("image")
    assert by_image["suggested"].loc[wrong].tolist() == [NAMES[label] for label in LABELS[wrong]]
    assert by_image["given"].loc[wrong].tolist() == [NAMES[label] for label in given[wrong]]


def test_the_suggested_class_is_never_the_given_one():
    flags = np.arange(300) < 5  # that another model holds for suspicious
    table = label_noise.listed("test", LABELS, answers(LABELS), {"mlp": flags}, NAMES)
    assert len(table) == 5
    assert (table["given"] != table["suggested"]).all()


def test_labels_drawn_from_the_probabilities_are_right_as_often_as_these_say():
    probabilities = np.tile([0.7] + 9 * [0.3 / 9], (5000, 1))
    found = label_noise.without_errors(probabilities, {"cnn": np.zeros(5000, dtype=int)})
    assert found["accuracy"]["cnn"] == pytest.approx(0.7, abs=0.01)
    sure = np.eye(10)[LABELS]
    found = label_noise.without_errors(sure, {"cnn": LABELS})
    assert found["flagged"] == 0
    assert found["accuracy"]["cnn"] == found["accuracy_without_flagged"]["cnn"] == 1


def test_one_percent_of_the_labels_are_planted_half_of_them_by_similarity():
    images = IMAGES.copy()
    labels = np.repeat([1, 2], 150).astype(np.uint8)
    labels[0] = 3
    labels = np.concatenate([labels, labels])
    images = np.concatenate([images, images[::-1]])  # the twin of i is 599 - i, of another class
    before = labels.copy()
    planted, positions = folds.plant(Split(images, labels, SPEC), seed=0)
    assert (labels == before).all()
    assert len(positions) == 6
    assert sorted(np.flatnonzero(planted != labels)) == sorted(positions)
    confused = positions[3:]
    assert (planted[confused] == labels[599 - confused]).all()


def test_folds_have_equal_classes_and_another_seed_deals_otherwise():
    dealt = folds.dealt(LABELS, seed=0)
    for fold in range(folds.FOLDS):
        assert np.bincount(LABELS[dealt == fold]).tolist() == 10 * [6]
    assert (dealt != folds.dealt(LABELS, seed=1)).mean() > 0.5


def test_answers_return_to_the_images_that_they_are_about(tmp_path, monkeypatch):
    monkeypatch.setattr(folds, "FOLDER", tmp_path)
    expected, dealt = answers(LABELS).astype(np.float16), folds.dealt(LABELS, seed=4)
    for fold in range(folds.FOLDS):
        with pytest.raises(InputError, match=f"cnn-4-{fold}.npz: not found"):
            folds.read("cnn", 4, LABELS)
        test = np.full((2, 10), fold, np.float16)
        np.savez(folds.path("cnn", 4, fold), train=expected[dealt == fold], test=test)
    found = folds.read("cnn", 4, LABELS)
    assert (found.train == expected).all()
    assert (found.test == 2).all()


def test_a_near_duplicate_is_worth_what_it_adds_when_it_was_learned():
    partner = (np.arange(300) + 7) % 300
    pairs = pd.DataFrame({"image": np.arange(300), "training_image": partner, "ratio": 0.4})
    found = {}
    for seed in (0, 1, 2):
        dealt = folds.dealt(LABELS, seed)
        is_right = (dealt != dealt[partner]) | (np.arange(300) % 2 == 0)
        found[seed] = np.eye(10)[np.where(is_right, LABELS, (LABELS + 1) % 10)]
    worth = label_noise.worth_of_a_near_duplicate(LABELS, pairs, found, 0.5)
    assert worth["learned"]["accuracy"] == 1
    assert worth["difference"] == pytest.approx(0.5, abs=0.1)
    assert worth["low"] < worth["difference"] < worth["high"]
    assert worth["learned"]["answers"] + worth["held_out"]["answers"] == 900
    pairs["ratio"] = [0.4] * 100 + [0.6] * 200
    assert label_noise.worth_of_a_near_duplicate(LABELS, pairs, found, 0.5)["images"] == 100


def table_of(actual: str, right: str) -> pd.DataFrame:
    predicted = [a if r == "1" else "z" for a, r in zip(actual, right, strict=True)]
    return pd.DataFrame({"actual": list(actual), "predicted": predicted})


def test_the_accuracy_without_some_images():
    table = table_of("aaaabbbb", "11111000")
    assert label_tables.accuracy_without(table, np.array([6, 7]))[0] == 5 / 6
    # Of class b, a quarter is right: without two random ones, 4.5 of 6 are right.
    assert label_tables.accuracy_without_as_many(table, np.array([6, 7])) == pytest.approx(4.5 / 6)
    assert label_tables.accuracy_without_as_many(table, np.array([0, 6])) == pytest.approx(3.75 / 6)


def test_the_sheets_are_blind():
    rows = [(f, n, *pair) for f in ("test", "train") for n, pair in enumerate(["ab", "cd"] * 80)]
    names = ["split", "image", "given", "suggested"]
    suspicious = pd.DataFrame(rows, columns=names)
    others = pd.DataFrame([("test", 500 + n, *"ab") for n in range(99)], columns=names)
    sample = judged.label_sample(suspicious, others)
    groups = sample.groupby(["split", "suspicious"]).size()
    assert groups["test", 1] == 160
    assert groups["train", 1] == judged.TRAIN_LABELS
    controls = sample[sample["suspicious"] == 0]
    assert 0 < len(controls) < judged.CONTROLS  # only "ab" has any
    assert (controls["given"] == "a").all()
    assert controls["image"].is_unique
    assert 0.35 < sample["given_first"].mean() < 0.65
    # Neither the place on the sheets nor the order of the names tells what is suspicious.
    assert abs(np.corrcoef(sample["suspicious"], np.arange(len(sample)))[0, 1]) < 0.2


def test_pairs_are_judged_from_all_bands():
    rng = np.random.default_rng(2)
    ratios = rng.uniform(0, 1, 1000).astype(np.float32)
    found = duplicates.Neighbours(rng.integers(0, 9, 1000), ratios)
    sample = judged.pair_sample(found)
    bands = np.digitize(sample["ratio"], judged.BANDS[:-1], right=True)
    assert np.bincount(bands).tolist() == [judged.PAIRS_PER_BAND] * len(judged.BANDS)
    assert (sample["training_image"] == found.positions[sample["image"]]).all()
    assert abs(np.corrcoef(sample["ratio"], np.arange(len(sample)))[0, 1]) < 0.3


def test_an_unknown_verdict_is_named(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("image,verdict\n1,same\n2,sane\n")
    with pytest.raises(InputError, match=r"verdict sane, expected other, same"):
        judged.read(path, {"same", "other"})
    path.write_text("image\n1\n")
    with pytest.raises(InputError, match="verdict missing"):
        judged.read(path, {"same", "other"})


ACCURACY = label_plots.Accuracy(
    "nothing", 9, {"mlp": (0.8, 0.7, 0.9), "cnn": (0.9, 0.8, 0.95)}, False
)
CONTROL = ACCURACY._replace(shares=dict.fromkeys(("mlp", "cnn"), (0.9, np.nan, np.nan)))
SUSPICIOUS = label_noise.listed("test", LABELS, answers(LABELS), {"cnn": np.arange(300) < 9}, NAMES)
VERDICTS = ["same", "other", "unclear"]
DRAW = {
    "near-duplicates": lambda path: label_plots.near_duplicates(
        path, [label_plots.Band("a band", IMAGES[:6].reshape(3, 2, 28, 28, 1), VERDICTS)], "title"
    ),
    "ratios": lambda path: label_plots.ratios(path, {"a": ([0, 3, 9], "red")}, 0.3, 0.5, "title"),
    "suspicious": lambda path: label_plots.suspicious(path, IMAGES[:9], SUSPICIOUS, "title"),
    "pairs": lambda path: label_plots.pairs(path, np.eye(10, dtype=int) * 3, NAMES, "title"),
    "accuracies": lambda path: label_plots.accuracies(path, [ACCURACY, CONTROL], "title"),
}


@pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)
def test_a_plot_drawn_twice_has_the_same_bytes(draw, tmp_path):
    draw(tmp_path / "one.png")
    draw(tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


COMMITTED = (
    *(duplicates.COUNTS, duplicates.PAIRS, label_noise.FOUND, label_noise.LISTED),
    *(judged.PAIRS, judged.LABELS, label_tables.SEED_SPREAD),
    *(label_tables.predictions(model) for model in label_tables.MODELS),
)


@pytest.fixture
def found(tmp_path, monkeypatch) -> label_tables.Findings:
    monkeypatch.chdir(ROOT)
    for path in COMMITTED:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(committed(path.as_posix()))
    return label_tables.read(tmp_path)


def test_the_document_shows_the_committed_findings(found):
    assert committed("docs/labels.md") == labels.document(found)
    # What it says in words.
    assert set(found.copies["identical"].values()) == {0}
    wrong = label_tables.wrong_labels(found)
    for split in label_noise.SPLITS:
        assert float(wrong[f"{split}_wrong"]) == pytest.approx(0.7, abs=0.1)


def test_every_suspicious_test_label_was_judged_and_no_other_but_the_controls(found):
    test = found.labels[(found.labels["split"] == "test") & (found.labels["by_cnn"] == 1)]
    eye = found.judged_labels[found.judged_labels["split"] == "test"]
    assert set(eye.loc[eye["suspicious"] == 1, "image"]) == set(test["image"])
    assert (eye["suspicious"] == 0).sum() == judged.CONTROLS
    assert not set(eye.loc[eye["suspicious"] == 0, "image"]) & set(test["image"])
