"""The committed results are those of the committed code and params."""

import hashlib
import json
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT

from fashion_mnist import tables
from fashion_mnist.evaluation import metrics
from fashion_mnist.params import whole
from fashion_mnist.report import results, trust
from fashion_mnist.report.revisions import Revision

LOCK = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
DEFINITION = yaml.safe_load(
    (ROOT / "dvc.yaml").read_text().replace("${dataset.name}", PARAMS["dataset"]["name"])
)["stages"]


def md5(path: str) -> str:
    return hashlib.md5((ROOT / path).read_bytes()).hexdigest()


@pytest.mark.parametrize("stage", DEFINITION)
def test_committed_results_are_those_of_this_code_and_these_params(stage, monkeypatch):
    """Fails until `dvc repro` has run after a change and its results are committed."""
    locked, defined = LOCK[stage], DEFINITION[stage]
    assert locked["cmd"] == defined["cmd"]
    assert {entry["path"] for entry in locked["deps"]} == set(defined["deps"])
    results = [
        path
        for kind in ("outs", "metrics", "plots")
        for entry in defined.get(kind, [])
        for path in ([entry] if isinstance(entry, str) else entry)
    ]
    assert {entry["path"] for entry in locked["outs"]} == set(results)
    in_git = [
        entry
        for entry in [*locked["deps"], *locked["outs"]]
        if entry["path"].split("/")[0] not in ("data", "models") and entry["path"] != "datasets"
    ]
    stale = [entry["path"] for entry in in_git if md5(entry["path"]) != entry["md5"]]
    assert stale == []
    monkeypatch.chdir(ROOT)
    current = whole.load().model_dump()
    sections = set(defined.get("params", [])) if stage != "check_params" else PARAMS.keys()
    assert locked.get("params", {}).get("params.yaml", {}) == {
        name: current[name] for name in sections
    }


def test_each_stage_read_the_files_that_the_others_wrote():
    """Each stage read what the stage before it wrote."""
    written = {out["path"]: out["md5"] for stage in LOCK.values() for out in stage["outs"]}
    for stage in LOCK.values():
        for dep in stage["deps"]:
            if dep["path"] in written:
                assert dep["md5"] == written[dep["path"]]


def test_the_report_believes_the_committed_results(monkeypatch):
    """Files, metrics and true classes are those that dvc.lock, predictions and data/test say."""
    monkeypatch.chdir(ROOT)
    assert trust.doubts(results.read(Revision()), Revision()) == []


def test_the_committed_comparison_is_that_of_the_committed_predictions():
    mlp, cnn = (
        metrics.is_right(tables.read(ROOT / f"plots/predictions_{model}.csv"))
        for model in ("mlp", "cnn")
    )
    stated = json.loads((ROOT / "metrics/comparison.json").read_text())
    assert stated.keys() == {"cnn_against_mlp"}
    assert metrics.compare(mlp, cnn) == pytest.approx(stated["cnn_against_mlp"], rel=1e-4)


def test_only_stages_that_measure_read_the_test_images():
    def readers(path: str) -> list[str]:
        return [name for name, stage in DEFINITION.items() if path in stage["deps"]]

    assert readers("data/raw") == ["normalize"]  # which converts and counts them
    assert readers("data/test") == ["evaluate", "export", "similar_items"]


def test_the_summary_shows_the_accuracy_with_its_interval():
    done = subprocess.run(
        [sys.executable, "-m", "fashion_mnist.summary"], cwd=ROOT, text=True, capture_output=True
    )
    model = json.loads((ROOT / "metrics" / "evaluate.json").read_text())["cnn"]
    expected = (
        f"{model['accuracy']:.2%}   {model['accuracy_low']:.2%} to {model['accuracy_high']:.2%}"
    )
    assert expected in done.stdout
