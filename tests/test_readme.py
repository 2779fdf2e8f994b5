"""What the README says of this project's own results and pipeline."""

import json
from itertools import pairwise, product

import pytest
from conftest import ROOT, committed
from test_repository import DEFINITION, LOCK


def test_committed_accuracy_is_plausible():
    """Other seeds and processors stay above the floor; only a mistake reaches the ceiling."""
    evaluation = json.loads((ROOT / "metrics" / "evaluate.json").read_text())
    assert 0.875 <= evaluation["mlp"]["accuracy"] <= 0.91
    assert 0.933 <= evaluation["cnn"]["accuracy"] <= 0.97
    comparison = json.loads((ROOT / "metrics" / "comparison.json").read_text())
    assert comparison["cnn_against_mlp"]["accuracy_difference"] > 0


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
