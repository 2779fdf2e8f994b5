"""What a report says of results that do not follow from their inputs, and of honest ones.

Each case is a branch of a real Git history with the project's own results, under all gates.
"""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
import yaml
from conftest import SPEC
from histories import branch

from fashion_mnist.dataset import splits
from fashion_mnist.dataset.splits import Split
from fashion_mnist.report import results, trust
from fashion_mnist.report.__main__ import GATE_EXIT_STATUS, GATES
from fashion_mnist.report.revisions import Revision

ALL = [word for gate in GATES for word in ("--fail-on", gate)]
PREDICTIONS, EVALUATION = "plots/predictions_cnn.csv", "metrics/evaluate.json"
DIGITS = dict(zip(SPEC.classes, "0123456789", strict=True))


def edit(path, change):
    """Return what changes a file by hand, and nothing else."""

    def do(history):
        file = history.folder / path
        file.write_text(change(file.read_text()))

    return do


def edit_evaluation(change):
    def of_text(text):
        content = json.loads(text)
        change(content)
        return json.dumps(content)

    return edit(EVALUATION, of_text)


def delete(path):
    return lambda history: (history.folder / path).unlink()


def retrain(**flips):
    """Return what an honest training does, with other answers."""

    def do(history):
        history.flip(**flips)
        history.write()

    return do


def lose_some_of_each_class(history):
    for name in SPEC.classes:
        history.flip(to_wrong=30, wrong_class=name)
    history.write()


def with_seed(then):
    def do(history):
        history.train_with_seed(7)
        then(history)

    return do


def save_another_seed(history):
    """As `dvc exp save` does after a change of params.yaml without a run."""
    for stage in ("train_mlp", "train_cnn"):
        history.lock["stages"][stage]["params"]["params.yaml"]["train"]["seed"] = 7
    history.write()


def write(history):
    history.write()


def with_other(path, then):
    """Return what lets dvc.lock say that a stage's input is another, and then `then`."""

    def do(history):
        for stage in history.lock["stages"].values():
            for entry in [*stage.get("deps", []), *stage["outs"]]:
                if entry["path"] == path:
                    entry["md5"] = hashlib.md5(b"another").hexdigest() + entry["md5"][32:]
        then(history)

    return do


def with_other_packages(then):
    def do(history):
        (history.folder / "requirements.txt").write_text("tensorflow==3.0\n")
        then(history)

    return do


def widen(history):
    history.spread["cnn"]["two_runs_differ_by"]["accuracy"] = 0.5
    lose_some_of_each_class(history)


def without_lock(history):
    lock = (history.folder / "dvc.lock").read_bytes()
    history.flip(to_right=120)
    history.write()
    (history.folder / "dvc.lock").write_bytes(lock)


def heal_by_hand(history):
    """Make wrong predictions right in the file, and forge metrics and dvc.lock to match."""
    table = history.tables["cnn"]
    wrong = np.flatnonzero(table["actual"] != table["predicted"])[:120]
    table.loc[wrong, "predicted"] = table.loc[wrong, "actual"]
    history.write()


def drop_mistakes(history):
    table = history.tables["cnn"]
    history.train_again("cnn")
    history.tables["cnn"] = table.drop(table.index[table["actual"] != table["predicted"]][:300])
    history.write()


def edit_true_classes(history):
    table = history.tables["cnn"]
    history.train_again("cnn")
    wrong = np.flatnonzero(table["actual"] != table["predicted"])[:120]
    table.loc[wrong, "actual"] = table.loc[wrong, "predicted"]
    history.write()


def forge_metrics(history):
    """Edit a metric, and forge dvc.lock to match."""
    edit_evaluation(lambda found: found["cnn"].update(accuracy=0.99))(history)
    history.write_lock()


def remove_the_cnn(history):
    history.train_again("cnn")
    del history.tables["cnn"], history.evaluation["cnn"]
    (history.folder / PREDICTIONS).unlink()
    history.write()


def rename_the_cnn(history):
    for tables in (history.tables, history.evaluation):
        tables["convolutional"] = tables.pop("cnn")
    (history.folder / PREDICTIONS).unlink()
    history.write()


def change_params(history):
    params = {}
    for stage in history.lock["stages"].values():
        for section, keys in stage.get("params", {}).get("params.yaml", {}).items():
            params.setdefault(section, {}).update(keys)
    params["train"]["epochs"] = 100
    (history.folder / "params.yaml").write_text(json.dumps(params))


def change_code(history):
    (history.folder / "stages").mkdir()
    (history.folder / "stages/evaluate.py").write_text("changed since")


def change_command(history):
    stages = {"train_cnn": {"cmd": "python3 -m stages.train_cnn --faster"}}
    (history.folder / "dvc.yaml").write_text(json.dumps({"stages": stages}))


def lose_bags(history):
    history.flip(to_right=300, to_wrong=100, wrong_class="Bag")
    history.write()


def conflict(text):
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:2], "<<<<<<< HEAD\n", *lines[2:]])


NOT_TRUSTWORTHY = "⛔ Not trustworthy: "
NO_EVALUATION = (
    f"{NOT_TRUSTWORTHY}{EVALUATION} of the working tree is not what a stage writes; restore it"
)
CASES = {
    # What only looks like a result.
    "predictions by hand": (
        edit(PREDICTIONS, lambda text: text.replace("Shirt,Coat", "Shirt,Shirt")),
        NOT_TRUSTWORTHY + f"{PREDICTIONS} is not what `evaluate` made: dvc.lock has another hash",
    ),
    "predictions, metrics and lock by hand": (
        heal_by_hand,
        NOT_TRUSTWORTHY + f"{PREDICTIONS}: other answers of the same model to the same images",
    ),
    "metrics by hand": (
        edit_evaluation(lambda found: found["cnn"].update(accuracy=0.99)),
        NOT_TRUSTWORTHY + f"{EVALUATION} is not what `evaluate` made: dvc.lock has another hash",
    ),
    "metrics and lock by hand": (
        forge_metrics,
        NOT_TRUSTWORTHY + "CNN: accuracy is 0.99 in the metrics, but 0.9371 by the predictions",
    ),
    "a metric that is not a number": (
        edit_evaluation(lambda found: found["cnn"].update(loss=float("nan"))),
        NOT_TRUSTWORTHY + f"{EVALUATION} is not what `evaluate` made: dvc.lock has another hash",
    ),
    "results without dvc.lock": (
        without_lock,
        NOT_TRUSTWORTHY + f"{EVALUATION} is not what `evaluate` made: dvc.lock has another hash",
    ),
    "predictions deleted": (
        delete(PREDICTIONS),
        NOT_TRUSTWORTHY + f"{PREDICTIONS} is missing; `evaluate` had made it",
    ),
    "rows dropped": (
        drop_mistakes,
        NOT_TRUSTWORTHY
        + f"{PREDICTIONS}: 9,700 rows, but the base has 10,000 of the same test images",
    ),
    "true classes by hand": (
        edit_true_classes,
        NOT_TRUSTWORTHY + f"{PREDICTIONS}: other true classes than the base's, of the same images",
    ),
    "an empty table": (
        edit(PREDICTIONS, lambda text: ""),
        NOT_TRUSTWORTHY + f"{PREDICTIONS} is not what `evaluate` made: dvc.lock has another hash",
    ),
    "a probability that is not a number": (
        edit(PREDICTIONS, lambda text: text.replace("0.9", "nan", 1)),
        NOT_TRUSTWORTHY + f"{PREDICTIONS} is not what `evaluate` made: dvc.lock has another hash",
    ),
    "dvc.lock deleted": (
        delete("dvc.lock"),
        NOT_TRUSTWORTHY + "dvc.lock is missing or empty: nothing says what the results are made of",
    ),
    "dvc.lock empty": (
        edit("dvc.lock", lambda text: ""),
        NOT_TRUSTWORTHY + "dvc.lock of the working tree is not what DVC writes; resolve it or "
        "restore it",
    ),
    "a conflict in dvc.lock": (
        edit("dvc.lock", conflict),
        NOT_TRUSTWORTHY + "dvc.lock of the working tree is not what DVC writes; resolve it or "
        "restore it",
    ),
    "a conflict in the metrics": (
        edit(EVALUATION, lambda text: "<<<<<<< HEAD\n" + text),
        NOT_TRUSTWORTHY + f"{EVALUATION} of the working tree is not JSON; restore it",
    ),
    "a conflict in the spread": (
        edit("metrics/seed_spread.json", lambda text: "<<<<<<< HEAD\n" + text),
        NOT_TRUSTWORTHY + "metrics/seed_spread.json of the working tree is not JSON; restore it",
    ),
    "a conflict in the predictions": (
        edit(PREDICTIONS, conflict),
        NOT_TRUSTWORTHY + f"{PREDICTIONS} is not what `evaluate` made: dvc.lock has another hash",
    ),
    "a number among the models": (
        edit_evaluation(lambda found: found.update(accuracy=0.99)),
        NOT_TRUSTWORTHY
        + f"{EVALUATION} of the working tree is not what a stage writes; restore it",
    ),
    "a list among the models": (
        edit_evaluation(lambda found: found.update(models=["cnn"])),
        NOT_TRUSTWORTHY
        + f"{EVALUATION} of the working tree is not what a stage writes; restore it",
    ),
    "every model removed": (
        edit(EVALUATION, lambda text: "{}"),
        NOT_TRUSTWORTHY + f"the working tree has no {EVALUATION}; `dvc repro` makes it",
    ),
    "the base's model, said to have another seed": (
        save_another_seed,
        NOT_TRUSTWORTHY + "models/cnn.keras is the base's model, not one of another train.seed",
    ),
    "the base's model, said to have other images": (
        with_other("data/train", write),
        NOT_TRUSTWORTHY + "models/cnn.keras is the base's model, not one of another data/train",
    ),
    # What is older than what it is made of.
    "params without a run": (
        change_params,
        "🟡 Stale: these results were made before the last change; `dvc repro` brings new ones",
    ),
    "code without a run": (
        change_code,
        "🟡 Stale: these results were made before the last change; `dvc repro` brings new ones",
    ),
    "a command without a run": (
        change_command,
        "🟡 Stale: these results were made before the last change; `dvc repro` brings new ones",
    ),
    # Honest losses, however they are wrapped.
    "a collapse beside another seed": (
        with_seed(retrain(to_wrong=8371)),
        "🔴 Worse: CNN accuracy -83.71 points",
    ),
    "a loss beside another seed": (
        with_seed(lose_some_of_each_class),
        "🔴 Worse: CNN accuracy -3.00 points",
    ),
    "a loss beside a wider spread": (widen, "🔴 Worse: CNN accuracy -3.00 points"),
    "a loss": (lose_some_of_each_class, "🔴 Worse: CNN accuracy -3.00 points"),
    "a gain that a class pays for": (
        lose_bags,
        "🟠 Mixed: CNN accuracy +2.00 points, but Bag worse",
    ),
    "a model removed": (remove_the_cnn, "🟣 Removed: CNN removed"),
    # What passes all gates.
    "a gain": (retrain(to_right=120), "🟢 Better: CNN accuracy +1.20 points"),
    "a lucky seed": (with_seed(retrain(to_right=50)), "⚪ No measurable change"),
    "a gain beside a seed and other training images": (
        with_seed(with_other("data/train", retrain(to_right=70))),
        "🟢 Better: CNN accuracy +0.70 points",
    ),
    "a gain beside a seed and other packages": (
        with_seed(with_other_packages(retrain(to_right=70))),
        "🟢 Better: CNN accuracy +0.70 points",
    ),
    "another processor": (retrain(to_right=15, to_wrong=12), "⚪ No measurable change"),
    "nothing": (lambda history: None, "⚪ No measurable change"),
    "a model renamed": (
        rename_the_cnn,
        "⚪ No measurable change: CONVOLUTIONAL renamed from cnn, the same predictions",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_branch_has_its_verdict(history, run, name):
    change, headline = CASES[name]
    branch(history)
    change(history)
    text, status = run("--base", "main", *ALL, markdown=True)
    assert text.splitlines()[0] == f"## {headline}"
    assert status == (0 if headline[0] in "🟢⚪" else GATE_EXIT_STATUS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["predictions by hand", "predictions deleted", "a gain"])
def test_a_committed_change_has_the_verdict_of_the_working_tree(history, run, name):
    change, headline = CASES[name]
    branch(history)
    change(history)
    history.git("add", "--all")
    history.git("commit", "--quiet", "--message", "the change")
    text, status = run("--base", "main", "--now", "change", *ALL, markdown=True)
    assert text.splitlines()[0] == f"## {headline}"
    assert status == (0 if headline[0] in "🟢⚪" else GATE_EXIT_STATUS)


def test_true_classes_are_those_of_the_test_images_that_dvc_lock_names(history):
    history.write()
    revision = Revision()
    labels = history.tables["cnn"]["actual"].map(SPEC.classes.index).to_numpy(np.uint8)
    folder = history.folder / "data" / "test"

    def doubts(labels):
        images = np.zeros((len(labels), 28, 28, 1), np.float32)
        splits.save({folder: Split(images, labels, SPEC)})
        return trust.doubts(results.read(revision), revision)

    assert doubts(np.roll(labels, 1)) == []  # of other results, by its hash
    for entry in history.lock["stages"]["normalize"]["outs"]:
        if entry["path"] == "data/test":
            entry["md5"] = trust._folder_hash(folder)
    history.write()
    said = "its true classes are not those of data/test"
    assert trust.doubts(results.read(revision), revision) == [
        f"plots/predictions_{name}.csv: {said}" for name in history.tables
    ]


def test_dvc_gives_a_folder_that_hash(tmp_path):
    (tmp_path / "folder" / "b").mkdir(parents=True)
    (tmp_path / "folder" / "a.npy").write_bytes(b"1")
    (tmp_path / "folder" / "b" / "c.npy").write_bytes(b"2")
    for command in (["init", "--quiet", "--no-scm"], ["add", "--quiet", "folder"]):
        subprocess.run([sys.executable, "-m", "dvc", *command], cwd=tmp_path, check=True)
    noted = yaml.safe_load((tmp_path / "folder.dvc").read_text())["outs"][0]["md5"]
    assert trust._folder_hash(tmp_path / "folder") == noted


def test_a_gain_of_one_model_does_not_hide_the_loss_of_another(history, run):
    branch(history)
    history.flip(to_right=150)
    history.flip(to_wrong=150, model="mlp")
    history.write()
    found, status = run("--base", "main", "--fail-on", "worse")
    assert (found["verdict"], status) == ("mixed", GATE_EXIT_STATUS)


@pytest.mark.slow
def test_classes_named_by_digits_are_judged_too(history, run):
    for name, table in history.tables.items():
        history.tables[name] = table.replace({"actual": DIGITS, "predicted": DIGITS})
    digits = list(DIGITS.values())
    history.classes = digits
    branch(history)
    history.flip(to_right=130, to_wrong=130, wrong_class="8")
    history.write()
    text, status = run("--base", "main", *ALL, markdown=True)
    assert text.startswith("## 🔴 Worse: CNN accuracy has no measurable change, but 8 worse\n")
    assert status == GATE_EXIT_STATUS


@pytest.mark.parametrize("path", ["dvc.lock", EVALUATION, "metrics/seed_spread.json"])
def test_a_conflict_in_the_base_is_no_baseline(history, run, path):
    history.write()
    text = (history.folder / path).read_text()
    (history.folder / path).write_text("<<<<<<< HEAD\n" + text)
    history.git("add", "--all")
    history.git("commit", "--quiet", "--message", "base")
    history.write()
    found, status = run("--base", "main", *ALL)
    assert (found["verdict"], status) == ("no baseline", GATE_EXIT_STATUS)
    assert found["reason"].startswith(f"{path} of ")


@pytest.mark.slow
def test_a_spread_that_its_own_numbers_do_not_support_is_not_used(history, run):
    history.spread["cnn"]["two_runs_differ_by"]["accuracy"] = 0.5
    branch(history)
    lose_some_of_each_class(history)
    found, _ = run("--base", "main")
    assert found["verdict"] == "worse"
    assert any("the margins of cnn do not follow" in note for note in found["notes"])


@pytest.mark.slow
def test_a_project_in_a_folder_of_a_larger_repository_has_a_report(
    history,
    run,
    monkeypatch,
):
    history.write()
    folder = history.folder / "ml"
    folder.mkdir()
    for name in ("dvc.lock", "metrics", "plots"):
        (history.folder / name).rename(folder / name)
    history.git("add", "--all")
    history.git("commit", "--quiet", "--message", "a larger repository")
    monkeypatch.chdir(folder)
    found, status = run("--base", "main", *ALL)
    assert (found["verdict"], status) == ("no measurable change", 0)
