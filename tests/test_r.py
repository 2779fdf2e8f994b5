"""The CNN in R: its own tests, its pipeline on a small size, and a machine without R."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import ROOT

from fashion_mnist.evaluation import metrics

pytestmark = pytest.mark.slow
needs_r = pytest.mark.skipif(
    not shutil.which("Rscript"), reason="needs the packages of r/packages.txt"
)


@needs_r
def test_the_tests_of_r_pass():
    done = subprocess.run(
        ["Rscript", "r/tests/run.R"],
        cwd=ROOT,
        env={**os.environ, "RETICULATE_PYTHON": sys.executable},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DONE" in done.stdout


@needs_r
def test_the_pipeline_gives_the_same_bytes_twice_and_the_report_covers_it(finished):
    folder = finished.folder
    shutil.copytree(
        ROOT / "r", folder / "r", ignore=shutil.ignore_patterns("cache", "tmp", "models")
    )
    (folder / "r/dvc.lock").unlink(missing_ok=True)
    finished.set_params(r_cnn={"filters": [4, 6, 8], "batch_size": 50, "epochs": 1})
    finished.commit("R")
    environment = {"RETICULATE_PYTHON": sys.executable}
    finished.run("dvc", "--cd", "r", "repro", env=environment)
    before = finished.outputs("r")
    table = pd.read_csv(folder / "r/plots/predictions_r_cnn.csv")
    assert list(table) == ["actual", "predicted", "probability", "actual_probability"]
    assert set(table["actual"]) == set(pd.read_csv(folder / "plots/predictions_cnn.csv")["actual"])
    assert metrics.is_right(table).mean() >= 0.1
    finished.commit("Results from R")
    finished.run("dvc", "--cd", "r", "repro", "--force", "--single-item", "train", env=environment)
    finished.run("dvc", "--cd", "r", "repro", env=environment)
    assert finished.outputs("r") == before
    report = finished.run(
        sys.executable, "-m", "fashion_mnist.report", "--base", "HEAD", "--exact"
    ).stdout
    assert "| R_CNN | accuracy |" in report


def test_without_r_make_says_what_to_install(tmp_path):
    for name in ("make", "python3", "touch", "dirname"):
        found = shutil.which(name)
        if found:
            (tmp_path / name).symlink_to(found)
    done = subprocess.run(
        ["make", "r", "-o", ".venv/installed", f"SHELL={shutil.which('sh')}"],
        cwd=ROOT,
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        text=True,
        capture_output=True,
    )
    assert done.returncode != 0
    assert "error: Rscript: not found; install the packages of r/packages.txt" in done.stderr


def test_the_pipeline_of_r_reads_the_section_and_the_splits_of_the_root():
    stages = yaml.safe_load((ROOT / "r/dvc.yaml").read_text())["stages"]
    assert stages["train"]["params"] == [{"../params.yaml": ["r_cnn"]}]
    assert {"../data/train", "../data/validation"} <= set(stages["train"]["deps"])
    assert "../data/test" not in stages["train"]["deps"]


def test_the_packages_are_those_that_the_scripts_use():
    text = "".join(path.read_text() for path in Path(ROOT / "r").rglob("*.R"))
    listed = (ROOT / "r/packages.txt").read_text().split()
    for package in ("ggplot2", "reticulate", "testthat", "yaml"):
        assert f"{package}::" in text
        assert f"r-cran-{package}" in listed
