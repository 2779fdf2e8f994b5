"""The pipeline of photographs: its committed results, and a run on made photographs."""

import csv
import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import yaml
from conftest import ROOT
from ruamel.yaml import YAML
from test_teach import COLOURS, picture

from fashion_mnist import tables
from fashion_mnist.dataset import folder as folders
from fashion_mnist.evaluation import metrics
from fashion_mnist.inference.head import Head
from fashion_mnist.teaching import fit
from photographs import document

HERE = ROOT / "photographs"
EVALUATED = json.loads((HERE / "metrics/evaluate.json").read_text())["photographs"]


@pytest.fixture
def predictions():
    table = tables.read(HERE / "predictions.csv")
    return metrics.with_classes(table, list(EVALUATED["classes"]))


def test_the_metrics_are_those_of_the_predictions(predictions):
    found = metrics.summarize(predictions)
    for name in ("accuracy", "macro_f1", "expected_calibration_error"):
        assert found[name] == pytest.approx(EVALUATED[name], abs=2e-4)
    assert len(predictions) == EVALUATED["photographs"]
    assert metrics.by_class(predictions).keys() == EVALUATED["classes"].keys()


def test_the_head_in_git_has_the_thresholds_of_the_predictions(predictions):
    info = Head.load(HERE / "head.npz").info
    assert info.classes == list(EVALUATED["classes"])
    right = metrics.is_right(predictions)
    wanted = fit.sure_from(predictions["probability"].to_numpy(), right, info.train.sure_accuracy)
    assert info.sure_from == pytest.approx(wanted, abs=2e-4)
    known = np.quantile(predictions["similarity"].astype(float), info.train.unknown_share)
    assert info.known_from == pytest.approx(known, abs=2e-4)


def test_the_head_in_git_is_the_one_that_the_pipeline_made():
    lock = yaml.safe_load((HERE / "dvc.lock").read_text())
    outs = {entry["path"]: entry["md5"] for entry in lock["stages"]["train"]["outs"]}
    made = hashlib.md5((HERE / "head.npz").read_bytes()).hexdigest()
    assert outs["data/head.npz"] == made


def test_the_results_are_those_of_the_committed_code_and_params():
    """Code and params only: the photographs themselves may be missing here."""
    lock = yaml.safe_load((HERE / "dvc.lock").read_text())
    pipeline = yaml.safe_load((HERE / "dvc.yaml").read_text())
    params = yaml.safe_load((HERE / "params.yaml").read_text())
    for name, stage in pipeline["stages"].items():
        for entry in lock["stages"][name]["deps"]:
            if entry["path"].endswith((".py", ".csv")):
                content = (HERE / entry["path"]).read_bytes()
                assert hashlib.md5(content).hexdigest() == entry["md5"], entry["path"]
        assert {entry["path"] for entry in lock["stages"][name]["deps"]} == set(stage["deps"])
        locked = lock["stages"][name]["params"]["params.yaml"]
        assert locked == {section: params[section] for section in locked}


def test_the_document_is_made_of_the_results(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert (ROOT / document.DOCUMENT).read_text() == document.document()


def test_the_readme_says_what_was_measured():
    readme = (ROOT / "README.md").read_text()
    accuracy, low, high = (
        f"{100 * EVALUATED[name]:.1f}" for name in ("accuracy", "accuracy_low", "accuracy_high")
    )
    said = " ".join(readme.split())
    assert f"{accuracy} % right on photographs by people of whom it has learned nothing" in said
    assert f"(95 % interval {low} to {high} %" in said
    compared = json.loads((HERE / "metrics/compare.json").read_text())["compare"]
    small = compared["cnn_28x28"]["accuracy_without_other"]
    assert f"It would be right on {100 * small:.1f} %" in said


@pytest.mark.slow
def test_the_stages_run_on_other_photographs(tmp_path):
    for person in range(4):
        for label, (name, colour) in enumerate(COLOURS.items()):
            for number in range(4):
                place = "test" if person == 3 else "train"
                path = tmp_path / "data/local/photographs" / place / name
                picture(path / f"{person}-{number}.png", colour, 97 * label + 10 * person + number)
    local = tmp_path / "data/local/photographs"
    content = YAML().load(HERE / "params.yaml")
    content["download"] |= {
        "sources": ["data/local/photographs"],
        "versions": {"small": {"sha256": folders.digest(local, folders.pictures_below(local))}},
    }
    content["classes"]["folders"] = {"blue": "Blue", "red": "Red"}
    content["train"]["folds"] = 3
    (tmp_path / "photographs").mkdir()
    YAML().dump(content, tmp_path / "photographs/params.yaml")
    with (tmp_path / "photographs/people.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["split", "folder", "picture", "person"])
        for name in COLOURS:
            for person in range(3):
                rows.writerows(["train", name, f"{person}-{number}", person] for number in range(4))

    def run(stage: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", f"photographs.{stage}"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            text=True,
            capture_output=True,
        )
        assert (done.returncode, done.stderr) == (0, ""), stage

    for stage in ("download", "features", "train", "evaluate"):
        run(stage)
    found = json.loads((tmp_path / "photographs/metrics/evaluate.json").read_text())["photographs"]
    assert (found["photographs"], found["people"]) == (36, 3)
    assert found["test"]["photographs"] == 12
    assert found["classes"].keys() == {"Blue", "Red", "another garment"}
    assert found["accuracy"] > 0.6
    head = tmp_path / "photographs/data/head.npz"
    before = head.read_bytes()
    assert Head.load(head).info.pictures == 36
    run("train")
    assert head.read_bytes() == before
