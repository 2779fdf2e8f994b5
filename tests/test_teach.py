"""The command, as its user runs it: `python -m fashion_mnist.teach`."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from PIL import Image

from fashion_mnist.inference.head import Head

pytestmark = pytest.mark.slow
COLOURS = {"blue": (30, 60, 220), "red": (220, 40, 30), "yellow": (230, 220, 40)}


@pytest.fixture
def teach(finished):
    def run(*arguments, command="teach") -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", f"fashion_mnist.{command}", *map(str, arguments)],
            cwd=finished.folder,
            env={"PATH": "", "PYTHONPATH": str(ROOT), "QUIET": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    return run


def picture(path: Path, colour: tuple[int, int, int], seed: int) -> None:
    """Write a picture of a box of some colour, of random size, on a random ground."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (120, 90), tuple(rng.integers(110, 150, 3).tolist()))
    left, top = rng.integers(5, 30, 2).tolist()
    image.paste(colour, (left, top, left + 60, top + 50))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


@pytest.fixture
def pictures(tmp_path) -> Path:
    folder = tmp_path / "pictures"
    for label, (name, colour) in enumerate(COLOURS.items()):
        for number in range(8):
            picture(folder / name / f"{number}.png", colour, 100 * label + number)
    return folder


def test_classes_are_taught_measured_and_answered(teach, pictures, tmp_path):
    picture(pictures / "red" / "wrong.png", COLOURS["blue"], 77)
    shutil.copy(pictures / "blue" / "1.png", pictures / "blue" / "again.png")
    mine = tmp_path / "mine"
    done = teach(pictures, "--output", mine, "--item", "box")
    assert (done.returncode, done.stderr) == (0, "")
    right = int(done.stdout.partition(" of 25 pictures right when left out: ")[0])
    assert 20 <= right <= 24
    assert f"looks mislabelled: {pictures / 'red' / 'wrong.png'}: perhaps blue" in done.stdout
    assert json.loads((mine / "metrics.json").read_text())["accuracy"] == right / 25
    table = pd.read_csv(mine / "pictures.csv")
    assert len(table) == 25  # the second copy teaches nothing
    assert str(pictures / "red" / "wrong.png") in table.loc[table["mislabelled"], "file"].tolist()
    for name in ("confusion.png", "learning_curve.png"):
        assert Image.open(mine / name).width > 400
    assert Head.load(mine).info.classes == list(COLOURS)

    asked = tmp_path / "asked.png"
    picture(asked, COLOURS["yellow"], 900)
    answered = teach("--head", mine, "--json", asked, command="predict")
    (prediction,) = map(json.loads, answered.stdout.splitlines())
    assert (prediction["class"], prediction["model"]) == ("yellow", "mine")


def test_a_second_run_computes_only_what_is_new_and_gives_the_same_head(teach, pictures, tmp_path):
    mine = tmp_path / "mine"
    assert teach(pictures, "--output", mine).returncode == 0
    first = (mine / "head.npz").read_bytes()
    cached = mine / "features.sqlite"
    before = cached.stat().st_mtime_ns
    assert teach(pictures, "--output", mine).returncode == 0
    assert (mine / "head.npz").read_bytes() == first
    assert cached.stat().st_mtime_ns == before
    (pictures / "red" / "0.png").rename(pictures / "red" / "renamed.png")
    assert teach(pictures, "--output", mine).returncode == 0
    assert cached.stat().st_mtime_ns == before


def test_each_bad_picture_and_class_is_a_line_and_the_others_teach(teach, pictures, tmp_path):
    (pictures / "red" / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    shutil.copy(pictures / "blue" / "1.png", pictures / "red" / "same.png")
    picture(pictures / "single" / "0.png", (0, 0, 0), 5)
    (pictures / "empty").mkdir()
    done = teach(pictures, "--output", tmp_path / "mine")
    assert done.returncode == 1
    assert sorted(done.stderr.splitlines()) == sorted(
        [
            f"error: {pictures}/red/broken.jpg: not a picture; expected JPEG, PNG, WEBP, GIF, BMP",
            f"error: {pictures}/blue/1.png: the same picture is in another class; left out",
            f"error: {pictures}/red/same.png: the same picture is in another class; left out",
            f"error: {pictures}/single: 1 different pictures found, expected at least 2; "
            "this class is left out",
            f"error: {pictures}/empty: 0 different pictures found, expected at least 2; "
            "this class is left out",
        ]
    )
    assert Head.load(tmp_path / "mine").info.classes == list(COLOURS)


def test_what_can_not_be_taught_is_one_line_and_writes_no_head(teach, pictures, tmp_path):
    mine = tmp_path / "mine"
    for name in ("blue", "red"):
        shutil.rmtree(pictures / name)
    (pictures / "red").mkdir()
    done = teach(pictures, "--output", mine)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"error: {pictures}: 1 of 2 classes can be taught, expected two"
    )
    assert not (mine / "head.npz").exists()
    done = teach(tmp_path / "nowhere", "--output", mine)
    assert done.stderr.startswith(f"error: {tmp_path}/nowhere: not a folder")


def test_thirty_thousand_classes_are_one_line(teach, tmp_path):
    for number in range(30_000):
        (tmp_path / "many" / f"{number}").mkdir(parents=True)
    done = teach(tmp_path / "many", "--output", tmp_path / "mine")
    assert done.returncode == 1
    assert done.stderr == (
        f"error: {tmp_path}/many: 30,000 classes found, expected at most 1,000\n"
    )


def test_sixty_classes_are_taught_and_the_confused_ones_drawn(teach, tmp_path):
    for label in range(60):
        colour = tuple(np.random.default_rng(label).integers(0, 256, 3).tolist())
        for number in range(2):
            picture(tmp_path / "many" / f"{label:03}" / f"{number}.png", colour, 9 * label + number)
    done = teach(tmp_path / "many", "--output", tmp_path / "mine")
    assert (done.returncode, done.stderr) == (0, "")
    assert "the 10 poorest classes:" in done.stdout
    assert Image.open(tmp_path / "mine" / "confusion.png").width < 5000


def test_nothing_of_the_user_s_is_overwritten(teach, pictures, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    done = teach(pictures, "--output", tmp_path / "mine")
    assert done.returncode == 1
    assert done.stderr == (
        f"error: {tmp_path}/mine: exists already and is no output of teach; choose another name\n"
    )
    done = teach(pictures, "--output", pictures / "mine")
    assert done.returncode == 1
    assert "where it would be a class; choose another" in done.stderr
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "features.sqlite").write_text("no database, " * 100)
    done = teach(pictures, "--output", tmp_path / "old")
    assert done.returncode == 1
    assert done.stderr.endswith("delete this cache to compute it again\n")
