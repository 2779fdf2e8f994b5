"""Git histories with results, for the tests of the report; their predictions are the project's own.

A plugin of pytest, which finds its fixtures in every test.
"""

import hashlib
import json
import subprocess

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, SPEC

from fashion_mnist.evaluation import metrics
from fashion_mnist.report import __main__ as report

MODELS = ("mlp", "cnn")


def measured(table, classes):
    """Return the entry of a model in metrics/evaluate.json."""
    names = metrics.with_classes(table, classes)
    return {**metrics.summarize(names), "classes": metrics.by_class(names)}


class History:
    """A Git repository with nothing but results, like a clone without cache and data."""

    def __init__(self, folder):
        self.folder = folder
        self.rng = np.random.default_rng(9)
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("config", "user.name", "A tester")
        self.git("config", "user.email", "tester@example.com")
        self.classes = SPEC.classes
        self.lock = yaml.safe_load((ROOT / "dvc.lock").read_text())
        self.spread = json.loads((ROOT / "metrics/seed_spread.json").read_text())
        self.evaluation = json.loads((ROOT / "metrics/evaluate.json").read_text())
        self.tables = {name: pd.read_csv(ROOT / f"plots/predictions_{name}.csv") for name in MODELS}

    def git(self, *arguments):
        done = subprocess.run(["git", *arguments], cwd=self.folder, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self):
        for folder in ("metrics", "plots"):
            (self.folder / folder).mkdir(exist_ok=True)
        for name, table in self.tables.items():
            table.to_csv(self.folder / f"plots/predictions_{name}.csv", index=False)
            if name in self.evaluation:
                self.evaluation[name] = measured(table, self.classes)
        (self.folder / "metrics/evaluate.json").write_text(json.dumps(self.evaluation))
        self.write_lock()
        if self.spread:
            (self.folder / "metrics/seed_spread.json").write_text(json.dumps(self.spread))

    def write_lock(self):
        """Write dvc.lock as DVC does after a run: with the hashes of the files that are there."""
        for stage in self.lock["stages"].values():
            stage["outs"] = [entry for entry in stage["outs"] if self.is_noted(entry)]
        (self.folder / "dvc.lock").write_text(yaml.safe_dump(self.lock))

    def is_noted(self, entry):
        path = self.folder / entry["path"]
        if path.is_file():
            entry["md5"] = hashlib.md5(path.read_bytes()).hexdigest()
        return path.is_file() or not entry["path"].startswith(("metrics", "plots"))

    def commit(self, message="results"):
        self.write()
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)

    def flip(self, to_right=0, to_wrong=0, wrong_class=None, model="cnn"):
        """Make some wrong predictions right, and some right ones (of one class) wrong."""
        table = self.tables[model].copy()
        right = table["actual"] == table["predicted"]
        healed = self.rng.choice(np.flatnonzero(~right), to_right, replace=False)
        candidates = right if wrong_class is None else right & (table["actual"] == wrong_class)
        spoiled = self.rng.choice(np.flatnonzero(candidates), to_wrong, replace=False)
        table.loc[healed, "predicted"] = table.loc[healed, "actual"]
        others = {name: self.classes[i - 1] for i, name in enumerate(self.classes)}
        table.loc[spoiled, "predicted"] = table.loc[spoiled, "actual"].map(others)
        self.tables[model] = table
        self.train_again(model)

    def train_with_seed(self, seed):
        """Let dvc.lock say that all models come from another seed."""
        for model in MODELS:
            stage = self.lock["stages"][f"train_{model}"]
            stage["params"]["params.yaml"]["train"]["seed"] = seed
            self.train_again(model)

    def train_again(self, model):
        """Let dvc.lock say that there is another model, which evaluate has read."""
        md5 = hashlib.md5(self.rng.bytes(16)).hexdigest()
        for stage in self.lock["stages"].values():
            for entry in [*stage.get("deps", []), *stage["outs"]]:
                if entry["path"] == f"models/{model}.keras":
                    entry["md5"] = md5


@pytest.fixture
def history(tmp_path, monkeypatch):
    (tmp_path / "repository").mkdir()
    history = History(tmp_path / "repository")
    monkeypatch.chdir(history.folder)
    return history


@pytest.fixture
def run(capsys):
    """A function that runs the command; it returns the report as data, and the exit status."""

    def run(*arguments, markdown=False):
        options = report.parser().parse_args([*arguments, *([] if markdown else ["--json"])])
        status = report.main(**vars(options))
        printed = capsys.readouterr().out
        return (printed if markdown else json.loads(printed)), status

    return run


def branch(history, name="change"):
    history.commit("base")
    history.git("switch", "--quiet", "--create", name)
