"""A repository for one's own pictures, made and run to the end."""

import os
import subprocess
import sys

import numpy as np
import pytest
import requests
from conftest import ROOT, STAGES, Repository, Service
from PIL import Image
from ruamel.yaml import YAML
from test_folders import imports, own_file, relative

from fashion_mnist import new

OWN_TESTS = ("folders", "package", "page", "params", "pipeline_definition", "repository", "service")
COLOURS = {"7": (200, 40, 40), "blue & green": (40, 90, 200), "null": (60, 180, 60)}


def write_pictures(folder) -> None:
    """Write 24 noisy pictures of each class, of many sizes, each class of its own colour."""
    rng = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for at in range(24):
            height, width = rng.integers(30, 90, 2)
            pixels = np.clip(rng.normal(colour, 40, (height, width, 3)), 0, 255).astype(np.uint8)
            kind = ("png", "jpg")[at % 2]
            Image.fromarray(pixels).save(folder / name / f"{at}.{kind}")


def make_new(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "fashion_mnist.new", *arguments]
    return subprocess.run(command, cwd=ROOT, text=True, capture_output=True)


def test_what_is_kept_imports_nothing_that_is_left_out(tmp_path):
    for path in new._tracked_files():
        if path.endswith(".py") and not new.LEFT_OUT.fullmatch(path):
            new._copy(ROOT / path, tmp_path / path, "fashion_mnist", "Fashion-MNIST")
            left_out = {
                relative(file)
                for name in imports(tmp_path / path)
                if (file := own_file(name) or own_file(f"tests.{name}"))
                and new.LEFT_OUT.fullmatch(relative(file))
            }
            assert left_out == set(), path


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_new_repository_runs_to_the_end_with_page_and_tests(tmp_path):
    write_pictures(tmp_path / "pictures")
    folder = tmp_path / "paints"
    done = make_new(
        "paints", "--from", str(tmp_path / "pictures"), "--to", str(folder), "--item", "paint"
    )
    assert done.returncode == 0, done.stderr
    repository = Repository(folder)
    repository.set_params(
        train={"epochs": 12}, cnn={"filters": [8, 8, 8]}, evaluate={"predictions_shown": 4}
    )
    assert set(repository.repro()) == set(STAGES)
    for key, value in (("user.name", "A tester"), ("user.email", "tester@example.com")):
        repository.run("git", "config", key, value)
    repository.commit("First results")

    dataset = YAML().load(folder / "datasets/paints.yaml")
    assert dataset["classes"] == sorted(COLOURS)
    evaluation = YAML().load(folder / "metrics/evaluate.json")
    assert evaluation["cnn"]["classes"].keys() == COLOURS.keys()
    # Nothing is left that speaks of this project.
    left = repository.run("git", "grep", "-il", "fashion", "--", ".", check=False).stdout
    assert left == ""
    assert not (folder / "docs").exists()

    running = Service(folder / "models", folder=folder)
    page = requests.get(running.url, timeout=10).text
    assert "<h1>What is this paint?</h1>" in page
    assert "64 colour pixels" in page
    assert "<span>blue &amp; green</span>" in page
    picture = (tmp_path / "pictures/7/0.png").read_bytes()
    headers = {"Content-Type": "image/png"}
    answer = requests.post(f"{running.url}/predict", picture, headers=headers, timeout=10).json()
    assert answer["predictions"][0]["class"] == "7"
    status, said = running.stop()
    assert (status, said) == (0, "")

    report = repository.run(
        sys.executable, "-m", "paints.report", "--base", "HEAD", "--output", "report"
    )
    assert "unchanged" in report.stdout
    # Its linters pass, all of its tests are found, and those pass that look at what is its own: its
    # folders, classes, stages and page. The others are those of this repository.
    for arguments in (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]):
        repository.run(sys.executable, "-m", *arguments)
    # This process is a worker of xdist, whose variables would confuse the other run.
    environment = {name: "" for name in os.environ if name.startswith("PYTEST_")}
    pytest_ = (sys.executable, "-m", "pytest", "-m", "not slow", "--numprocesses", "2")
    repository.run(*pytest_, "--collect-only", env=environment)
    repository.run(*pytest_, *(f"tests/test_{name}.py" for name in OWN_TESTS), env=environment)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("Shoes", "--from", "{pictures}"), "NAME = 'Shoes': expected a name such as my_shoes"),
        (("class", "--from", "{pictures}"), "NAME = 'class': a word of Python's own"),
        (("numpy", "--from", "{pictures}"), "numpy: this name is taken"),
        (("stages", "--from", "{pictures}"), "stages: this name is taken"),
        (
            ("shoes", "--from", "{pictures}/7"),
            "7: 0 folders found, expected at least two, one for each class",
        ),
        (("models", "--from", "{pictures}"), "models: this name is taken"),
        (("shoes", "--from", ""), "FROM = '.': expected the folder of your pictures"),
        (("shoes", "--from", "{pictures}"), "error: {pictures}/7: no pictures found"),
        (("shoes", "--from", "{pictures}", "--to", "{pictures}/a"), "a: inside"),
        (("shoes", "--from", "nowhere"), "nowhere: not a folder"),
        (
            ("shoes", "--from", "{pictures}", "--to", "{pictures}"),
            "exists already; take another NAME, or choose with --to FOLDER",
        ),
    ],
)
def test_a_mistake_is_one_line_and_makes_nothing(tmp_path, arguments, complaint):
    for name in COLOURS:
        (tmp_path / "pictures" / name).mkdir(parents=True)
    target = [] if "--to" in arguments else ["--to", str(tmp_path / "new")]
    done = make_new(*(text.format(pictures=tmp_path / "pictures") for text in arguments), *target)
    assert done.returncode == 1
    assert complaint.format(pictures=tmp_path / "pictures") in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]
