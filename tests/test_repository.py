"""The committed results are those of the committed code and params."""

import hashlib
import json
import subprocess
import sys
from itertools import pairwise, product

import pytest
import yaml
from conftest import ROOT, committed

from fashion_mnist import tables
from fashion_mnist.evaluation import metrics
from fashion_mnist.params import whole

LOCK = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]
DEFINITION = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


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
        if entry["path"].split("/")[0] not in ("data", "models")
    ]
    stale = [entry["path"] for entry in in_git if md5(entry["path"]) != entry["md5"]]
    assert stale == []
    monkeypatch.chdir(ROOT)
    current = whole.load().model_dump()
    sections = set(defined.get("params", [])) if stage != "check_params" else current.keys()
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


def test_committed_accuracy_is_plausible():
    """Other seeds and processors stay above the floor; only a mistake reaches the ceiling."""
    evaluation = json.loads((ROOT / "metrics" / "evaluate.json").read_text())
    assert 0.875 <= evaluation["mlp"]["accuracy"] <= 0.91
    assert 0.933 <= evaluation["cnn"]["accuracy"] <= 0.97


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_committed_metrics_are_those_of_the_committed_predictions(model):
    table = tables.read(ROOT / f"plots/predictions_{model}.csv")
    stated = json.loads((ROOT / "metrics/evaluate.json").read_text())[model]
    classes = stated.pop("classes")
    assert metrics.summarize(table) == pytest.approx(stated, rel=1e-3, abs=1e-5)
    for name, scores in metrics.by_class(table).items():
        assert classes[name] == pytest.approx(scores, abs=1e-5)


def test_the_committed_comparison_is_that_of_the_committed_predictions():
    mlp, cnn = (
        metrics.is_right(tables.read(ROOT / f"plots/predictions_{model}.csv"))
        for model in ("mlp", "cnn")
    )
    stated = json.loads((ROOT / "metrics/comparison.json").read_text())
    assert stated.keys() == {"cnn_against_mlp"}
    assert metrics.compare(mlp, cnn) == pytest.approx(stated["cnn_against_mlp"], rel=1e-4)
    assert stated["cnn_against_mlp"]["accuracy_difference"] > 0


def test_only_stages_that_measure_read_the_test_images():
    def readers(path: str) -> list[str]:
        return [name for name, stage in DEFINITION.items() if path in stage["deps"]]

    assert readers("data/raw") == ["normalize"]  # which converts and counts them
    assert readers("data/test") == ["evaluate", "export", "similar_items"]


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_the_readme_shows_the_committed_accuracies(model):
    found = json.loads(committed("metrics/evaluate.json"))[model]
    spread = json.loads(committed("metrics/seed_spread.json"))[model]
    low, high = 100 * found["accuracy_low"], 100 * found["accuracy_high"]
    mean, sd = (100 * spread[key]["accuracy"] for key in ("mean", "sd"))
    line = (
        f"| {model.upper()} | {100 * found['accuracy']:.2f} % | {low:.2f} to {high:.2f} % "
        f"| {mean:.2f} ± {sd:.2f} % |"
    )
    assert line in committed("README.md")


def test_the_summary_shows_the_accuracy_with_its_interval():
    done = subprocess.run(
        [sys.executable, "-m", "fashion_mnist.summary"], cwd=ROOT, text=True, capture_output=True
    )
    model = json.loads((ROOT / "metrics" / "evaluate.json").read_text())["cnn"]
    expected = (
        f"{model['accuracy']:.2%}   {model['accuracy_low']:.2%} to {model['accuracy_high']:.2%}"
    )
    assert expected in done.stdout


def descendants(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return each pair of nodes that a path joins."""
    found = set(edges)
    while more := {(a, d) for a, b in found for c, d in edges if b == c} - found:
        found |= more
    return found


def test_the_readme_draws_the_pipeline_as_it_is_without_edges_that_others_imply():
    drawing = (ROOT / "README.md").read_text().partition("```mermaid\n")[2].partition("```")[0]
    drawn = set()
    for line in drawing.splitlines()[1:]:
        groups = [group.split(" & ") for group in line.strip().split(" --> ")]
        for before, after in pairwise(groups):
            drawn |= set(product(before, after))
    makers = {out["path"]: name for name, stage in LOCK.items() for out in stage["outs"]}
    edges = {
        (makers[dep], name)
        for name, stage in DEFINITION.items()
        for dep in stage["deps"]
        if dep in makers
    }
    assert descendants(drawn) == descendants(edges)
    assert all(descendants(drawn - {edge}) != descendants(drawn) for edge in drawn)
