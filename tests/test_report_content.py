"""The report's content from results that are made up, without files or Git."""

import copy

import numpy as np
import pandas as pd
import pytest
from conftest import SPEC

from fashion_mnist.evaluation import metrics
from fashion_mnist.report import content
from fashion_mnist.report.judgement import METRICS
from fashion_mnist.report.markdown import markdown
from fashion_mnist.report.results import Results

ACTUAL = np.tile(SPEC.classes, 100)
LOCK = {
    "stages": {
        "normalize": {
            "deps": [{"path": "stages/normalize.py", "md5": "1"}],
            "outs": [{"path": "data/train", "md5": "2"}, {"path": "data/test", "md5": "3"}],
        },
        "train_cnn": {
            "deps": [{"path": "stages/train_cnn.py", "md5": "4"}],
            "params": {"params.yaml": {"train": {"seed": 0, "epochs": 6}}},
        },
    }
}
SPREAD = {
    "seeds": 10,
    "recipe": {"data/train": "2", "train.epochs": 6},
    "cnn": {
        "mean": {"accuracy": 0.9},
        "sd": dict.fromkeys(METRICS, 0.0015629),  # times sqrt(2), and Student's t of nine
        "two_runs_differ_by": {
            **dict.fromkeys(METRICS, 0.005),
            "classes": dict.fromkeys(SPEC.classes, 0.03),
        },
        "images_right_in": [50, 0, 0, 0, 0, 100, 0, 0, 0, 0, 850],
    },
}


def predictions(wrong: int) -> pd.DataFrame:
    """Return predictions whose first `wrong` images, equally many of each class, are mistakes."""
    is_wrong = np.arange(len(ACTUAL)) < wrong
    return metrics.with_classes(
        pd.DataFrame(
            {
                "actual": ACTUAL,
                "predicted": np.where(is_wrong, np.roll(ACTUAL, 1), ACTUAL),
                "probability": 0.9,
                "actual_probability": np.where(is_wrong, 0.1, 0.9),
            }
        ),
        SPEC.classes,
    )


def results(**wrong: int) -> Results:
    """Return the results of models that make so many mistakes."""
    tables = {name: predictions(count) for name, count in wrong.items()}
    return Results(
        revision="a revision",
        models={
            name: {**metrics.summarize(table), "classes": metrics.by_class(table)}
            for name, table in tables.items()
        },
        predictions=tables,
        lock=copy.deepcopy(LOCK),
        seed_spread=SPREAD,
    )


def with_params(made: Results, **train) -> Results:
    lock = copy.deepcopy(made.lock)
    lock["stages"]["train_cnn"]["params"]["params.yaml"]["train"].update(train)
    return made._replace(lock=lock)


@pytest.mark.parametrize(
    ("base", "now", "expected"),
    [(100, 50, "better"), (50, 100, "worse"), (100, 97, "no measurable change")],
)
def test_a_model_is_judged_by_its_predictions(base, now, expected):
    report = content.build(results(cnn=base), results(cnn=now), [])
    assert report["verdict"] == report["models"]["cnn"]["status"] == expected
    change = report["models"]["cnn"]["metrics"]["accuracy"]["change"]
    assert change == pytest.approx((base - now) / 1000)
    assert report["notes"] == []
    assert report["seeds"] == 10


def test_models_that_are_unchanged_new_removed_or_renamed_are_not_judged():
    base, now = results(cnn=50, mlp=100, old=70, gone=80), results(cnn=50, mlp=97, new=70, first=60)
    models = content.build(base, now, [])["models"]
    assert {name: model["status"] for name, model in models.items()} == {
        "cnn": "unchanged: the same predictions",
        "mlp": "no measurable change",
        "new": "renamed from old, the same predictions",
        "first": "new: no baseline",
        "gone": "removed",
    }
    assert [name for name, model in models.items() if "metrics" in model] == ["mlp"]


def test_a_metric_that_is_not_a_number_is_worse_and_at_the_base_no_baseline():
    sound, broken = results(cnn=50), results(cnn=50)
    broken.models["cnn"]["loss"] = float("nan")
    report = content.build(sound, broken, [])
    assert report["verdict"] == "worse"
    assert report["notes"] == ["CNN: a metric is not a number."]
    assert markdown(report).startswith("## 🔴 Worse: CNN has a metric that is not a number\n")
    report = content.build(broken, sound, [])
    assert report["verdict"] == "no baseline"
    assert report["models"]["cnn"]["status"].startswith("no baseline: a metric of the base")


def test_without_predictions_the_judgement_is_rough_and_says_so():
    base = results(cnn=200)._replace(predictions={})
    report = content.build(base, results(cnn=50), [])
    assert report["verdict"] == "better"
    assert report["models"]["cnn"]["classes"] == {}
    [note] = report["notes"]
    assert note.startswith("CNN: no predictions of the same images at a revision:")


def test_another_test_set_is_judged_roughly_and_says_so_once():
    now = results(cnn=50)
    now.lock["stages"]["normalize"]["outs"][1]["md5"] = "another"
    report = content.build(results(cnn=60), now, [])
    assert "p" not in report["models"]["cnn"]["metrics"]["accuracy"]
    assert report["notes"] == ["The test set changed: no paired comparison, only a rough one."]


def test_a_seed_alone_is_no_progress_but_excuses_no_collapse():
    lucky = with_params(results(cnn=91), seed=1)
    report = content.build(results(cnn=100), lucky, [])
    assert report["verdict"] == "no measurable change"
    assert report["notes"] == ["CNN: only the training seed changed: no progress."]
    report = content.build(results(cnn=100), with_params(results(cnn=300), seed=1), [])
    assert report["verdict"] == "worse"
    assert report["notes"] == ["CNN: only the training seed changed, but no seed explains so much."]


def test_a_seed_beside_new_code_or_other_params_excuses_nothing():
    lucky = with_params(results(cnn=91), seed=1)
    lucky.lock["stages"]["train_cnn"]["deps"][0]["md5"] = "new code"
    assert content.build(results(cnn=100), lucky, [])["verdict"] == "better"
    longer = with_params(results(cnn=91), seed=1, epochs=7)
    assert content.build(results(cnn=100), longer, [])["verdict"] == "better"


def test_notes_say_what_weakens_the_judgement():
    base, now = (results(cnn=count)._replace(seed_spread={}) for count in (100, 50))
    notes = content.build(base, now, ["stages/train_cnn.py", "params.yaml"])["notes"]
    assert len(notes) == 2
    assert notes[0].startswith("These results are stale: stages/train_cnn.py, params.yaml changed")
    assert "the spread between training seeds is unknown" in notes[1]
    other = with_params(results(cnn=100), epochs=8)
    [note] = content.build(other, with_params(results(cnn=50), epochs=7), [])["notes"]
    assert "measured with another recipe: train.epochs differ;" in note


def test_params_and_stages_that_changed_are_listed():
    now = with_params(results(cnn=50), epochs=7)
    now.lock["stages"]["train_cnn"]["deps"][0]["md5"] = "new code"
    report = content.build(results(cnn=50), now, [])
    assert report["params"] == [{"key": "train.epochs", "base": 6, "now": 7}]
    assert report["stages"] == {
        "normalize": [],
        "train_cnn": ["stages/train_cnn.py", "params.yaml"],
    }


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["better", "better"], "better"),
        (["better", "worse"], "mixed"),
        (["worse", "no measurable change"], "worse"),
        (["mixed"], "mixed"),
        (["better", "new: no baseline"], "better"),
        (["no measurable change", "new: no baseline"], "no baseline"),
        (["removed", "unchanged: the same predictions"], "removed"),
        (["removed", "better"], "better"),
        ([], "no measurable change"),
    ],
)
def test_the_verdict_sums_up_the_statuses(statuses, expected):
    assert content.verdict(statuses) == expected


@pytest.mark.parametrize(
    ("change", "bag", "points", "expected"),
    [
        (-0.004, "no measurable change", 0.5, True),
        (-0.006, "no measurable change", 0.5, False),
        (-0.005, "no measurable change", 0.5, False),  # not below the threshold
        (-0.004, "worse", 0.5, False),
        (-0.004, "no measurable change", 0.0, False),
    ],
)
def test_the_gate_tolerates_a_small_loss_of_accuracy_but_of_no_class(change, bag, points, expected):
    models = {
        "cnn": {
            "status": "worse",
            "metrics": {"accuracy": {"change": change}},
            "classes": {"Bag": {"verdict": bag}},
        },
        "mlp": {"status": "better"},
    }
    assert content.is_tolerated({"models": models}, points) is expected


def test_the_gate_tolerates_neither_a_missing_baseline_nor_a_metric_that_is_not_a_number():
    assert not content.is_tolerated(content.without_baseline("no reason"), 100)
    assert not content.is_tolerated({"models": {"cnn": {"status": "worse"}}}, 100)


def test_the_markdown_begins_with_the_verdict_and_shows_each_metric():
    text = markdown(content.build(results(cnn=100, mlp=200), results(cnn=50, mlp=200), []))
    assert text.startswith("## 🟢 Better: CNN accuracy +5.00 points\n\nA revision, compared with a")
    assert "| CNN | accuracy | 90.00% | 95.00% | +5.00 |" in text
    assert "| CNN | loss (less is better) |" in text
    assert "| MLP | accuracy | 80.00% | 80.00% | | | unchanged: the same predictions |" in text
    assert "CNN: 50 images newly right, 0 newly wrong" in text
    assert "**Params**" not in text
