"""The repository shows results that its code and params made, and keeps its own rules."""

import hashlib
import json
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT

from fashion_mnist import params

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
    current = params.load(*defined["params"])
    assert set(locked["params"]["params.yaml"]) == set(defined["params"])
    for section, values in locked["params"]["params.yaml"].items():
        assert getattr(current, section).model_dump() == values


def test_stages_hand_on_what_they_say():
    """What a stage read is what the stage before it wrote."""
    written = {out["path"]: out["md5"] for stage in LOCK.values() for out in stage["outs"]}
    for stage in LOCK.values():
        for dep in stage["deps"]:
            if dep["path"] in written:
                assert dep["md5"] == written[dep["path"]]


def test_committed_accuracy_is_plausible():
    """A floor that other seeds and processors stay above, a ceiling that nothing honest reaches."""
    evaluation = json.loads((ROOT / "metrics" / "evaluate.json").read_text())
    assert 0.875 <= evaluation["mlp"]["accuracy"] <= 0.91
    assert 0.933 <= evaluation["cnn"]["accuracy"] <= 0.97


def test_test_images_reach_only_stages_that_measure():
    def readers(path: str) -> list[str]:
        return [name for name, stage in DEFINITION.items() if path in stage["deps"]]

    assert readers("data/raw") == ["normalize"]  # which converts and counts them
    assert readers("data/test") == ["evaluate", "export", "similar_items"]


def test_what_needs_no_network_imports_no_tensorflow():
    modules = [
        *(f"stages.{name}" for name in ("download", "normalize", "similar_items")),
        *(f"fashion_mnist.{name}" for name in ("dataset", "figures", "metrics", "params")),
        *(f"fashion_mnist.{name}" for name in ("sources", "summary", "predict", "similarity")),
        *(f"fashion_mnist.{name}" for name in ("saliency", "report", "seed_spread")),
        "service.app",
    ]
    script = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    loaded = subprocess.run(command, cwd=ROOT, check=True, text=True, capture_output=True).stdout
    assert not {"tensorflow", "keras"} & set(loaded.split())


def test_summary_shows_accuracy_with_its_interval():
    done = subprocess.run(
        [sys.executable, "-m", "fashion_mnist.summary"], cwd=ROOT, text=True, capture_output=True
    )
    model = json.loads((ROOT / "metrics" / "evaluate.json").read_text())["cnn"]
    expected = (
        f"{model['accuracy']:.2%}   {model['accuracy_low']:.2%} to {model['accuracy_high']:.2%}"
    )
    assert expected in done.stdout


def test_readme_draws_the_pipeline_as_it_is():
    graph = subprocess.run(
        [sys.executable, "-m", "dvc", "dag", "--mermaid", "dvc.yaml"],
        cwd=ROOT,
        text=True,
        capture_output=True,
    ).stdout
    drawn = (ROOT / "README.md").read_text().partition("```mermaid\n")[2].partition("```")[0]
    assert drawn.split() == graph.split()
