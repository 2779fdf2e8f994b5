"""The spread of seeds, from real Git revisions that hold the results of runs."""

import json
import subprocess

import numpy as np
import pytest
import yaml
from conftest import ROOT, committed

from fashion_mnist import seed_spread
from fashion_mnist.errors import InputError
from fashion_mnist.report import dvc_lock
from fashion_mnist.report.revisions import Revision

COMMITTED = [
    "dvc.lock",
    "metrics/evaluate.json",
    "plots/predictions_mlp.csv",
    "plots/predictions_cnn.csv",
]


@pytest.fixture
def commit(tmp_path, monkeypatch):
    """A function that commits the project's results as those of a run; it returns the commit."""

    def git(*arguments):
        return subprocess.run(
            ["git", *arguments], check=True, text=True, capture_output=True
        ).stdout.strip()

    def commit(accuracy=0.9, code=None, **train):
        evaluation["cnn"]["accuracy"] = accuracy
        deps = lock["stages"]["train_cnn"]["deps"]
        script = next(dep for dep in deps if dep["path"] == "stages/train_cnn.py")
        script["md5"] = code or script["md5"]
        for stage in ("train_mlp", "train_cnn"):
            lock["stages"][stage]["params"]["params.yaml"]["train"] = {"epochs": 6, **train}
        (tmp_path / "metrics/evaluate.json").write_text(json.dumps(evaluation))
        (tmp_path / "dvc.lock").write_text(yaml.safe_dump(lock))
        git("add", "--all")
        git("commit", "--quiet", "--allow-empty", "--message", "a run")
        return git("rev-parse", "HEAD")

    monkeypatch.chdir(tmp_path)
    for name in COMMITTED:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    lock = yaml.safe_load((tmp_path / "dvc.lock").read_text())
    evaluation = json.loads((tmp_path / "metrics/evaluate.json").read_text())
    git("init", "--quiet")
    git("config", "user.name", "A tester")
    git("config", "user.email", "tester@example.com")
    return commit


def test_runs_of_several_seeds(commit, tmp_path):
    runs = [commit(0.90, seed=1), commit(0.91, seed=2), commit(0.92, seed=3)]
    seed_spread.main(revisions=runs)
    found = json.loads((tmp_path / "metrics/seed_spread.json").read_text())
    assert found["seeds"] == 3
    assert found["recipe"]["train.epochs"] == 6
    assert found["recipe"]["cnn.flip"] is True
    assert not {"train.seed", "evaluate.mistakes_shown"} & found["recipe"].keys()
    assert found["cnn"]["mean"]["accuracy"] == pytest.approx(0.91)
    assert found["cnn"]["sd"]["accuracy"] == pytest.approx(0.01)
    # Student's t of 2 is 4.303, times the root of two.
    assert found["cnn"]["two_runs_differ_by"]["accuracy"] == pytest.approx(0.06085, rel=1e-3)
    assert np.sum(found["cnn"]["images_right_in"]) == 10_000


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        ({"seed": 3, "epochs": 7}, "in train.epochs, expected train.seed alone"),
        ({"seed": 2}, "has train.seed 2 as"),
    ],
)
def test_runs_that_differ_in_more_than_the_seed_are_refused(commit, tmp_path, other, complaint):
    runs = [commit(seed=1), commit(seed=2), commit(**other)]
    with pytest.raises(InputError, match=complaint):
        seed_spread.main(revisions=runs)
    assert not (tmp_path / "metrics/seed_spread.json").exists()


def test_two_runs_are_too_few(commit):
    with pytest.raises(InputError, match="2 revisions given, expected at least three"):
        seed_spread.main(revisions=[commit(seed=1), commit(seed=2)])


def test_a_run_of_other_code_is_refused(commit):
    runs = [commit(seed=1), commit(seed=2), commit(seed=3, code="0" * 32)]
    with pytest.raises(InputError, match=r"in stages/train_cnn.py, expected train.seed alone"):
        seed_spread.main(revisions=runs)


def test_a_run_without_predictions_is_refused(commit, tmp_path):
    (tmp_path / "plots/predictions_cnn.csv").unlink()
    runs = [commit(seed=seed) for seed in (1, 2, 3)]
    with pytest.raises(InputError, match=r"has no plots/predictions_cnn.csv; leave it out"):
        seed_spread.main(revisions=runs)


def test_the_committed_spread_knows_every_key_of_the_recipe(monkeypatch):
    """Otherwise each report would say that the spread is another recipe's."""
    monkeypatch.chdir(ROOT)
    recipe = dvc_lock.recipe(dvc_lock.read(Revision()), ["mlp", "cnn"])
    assert json.loads(committed("metrics/seed_spread.json"))["recipe"].keys() == recipe.keys()
