"""The command that writes datasets/NAME.yaml."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, gzipped_idx, made_files
from PIL import Image
from ruamel.yaml import YAML

from fashion_mnist.dataset import idx


@pytest.fixture
def pictures(tmp_path) -> Path:
    """A folder with params.yaml, datasets/ and pictures of two classes."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "datasets").mkdir()
    rng = np.random.default_rng(0)
    for name in ("boot", "1"):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for at in range(12):
            coarse = Image.fromarray(rng.integers(0, 255, (4, 6, 3)).astype(np.uint8))
            coarse.resize((60, 40), Image.Resampling.BICUBIC).save(
                tmp_path / "mine" / name / f"{at}.png"
            )
    return tmp_path


def describe(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "fashion_mnist.describe", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True)


def described(folder: Path, name: str = "shoes") -> dict:
    return YAML(typ="safe").load(folder / "datasets" / f"{name}.yaml")


def test_pictures_are_counted_and_described(pictures):
    done = describe(pictures, "mine", "--name", "shoes", "--item", "shoe")
    assert (done.returncode, done.stderr) == (0, "")
    assert "24 pictures, 60 to 60 pixels wide, 40 to 40 high, in colour\n" in done.stdout
    assert "  boot      12\n" in done.stdout
    assert "0 pictures are copies" in done.stdout
    command = done.stdout.splitlines()[-1]
    assert command.startswith("dvc exp run -S dataset.name=shoes -S normalize.validation_size=0.1 ")
    found = described(pictures)
    assert (found["item"], found["classes"], found["channels"]) == ("shoe", ["1", "boot"], 3)
    assert found["pictures"]["count"] == 24


def test_a_new_description_keeps_what_the_user_changed(pictures):
    describe(pictures, "mine", "--name", "shoes")
    path = pictures / "datasets/shoes.yaml"
    before = described(pictures)
    changed = path.read_text().replace("side: 64", "side: 32").replace("seed: 0", "seed: 7")
    path.write_text(changed + "# A note.\n")
    (pictures / "mine/boot/0.png").unlink()
    again = ("mine", "--name", "shoes", "--side", "32")
    assert describe(pictures, *again).returncode == 0
    done = describe(pictures, *again, "--item", "shoe")
    assert done.stderr == (
        "error: datasets/shoes.yaml: item = 'item' found, and --item shoe would not change it; "
        "edit the file\n"
    )
    found = described(pictures)
    assert (found["side"], found["pictures"]["seed"], found["pictures"]["count"]) == (32, 7, 23)
    assert found["pictures"]["sha256"] != before["pictures"]["sha256"]
    assert "# A note." in path.read_text()


def test_copies_and_their_contradictions_are_named(pictures):
    image = Image.open(pictures / "mine/boot/3.png").resize((48, 32))
    image.save(pictures / "mine/1/again.jpg", quality=95)
    done = describe(pictures, "mine", "--name", "shoes")
    assert "2 pictures are copies of others" in done.stdout
    [line] = [line for line in done.stdout.splitlines() if "in several classes" in line]
    assert "mine/boot/3.png" in line
    assert "mine/1/again.jpg" in line


def test_all_broken_pictures_are_named_and_nothing_is_written(pictures):
    for name in ("1/0.png", "boot/5.png"):
        (pictures / "mine" / name).write_bytes(b"no picture")
    done = describe(pictures, "mine", "--name", "shoes")
    assert done.returncode == 1
    assert done.stderr.startswith("error: 2 of 24 pictures can't be read")
    assert "mine/1/0.png" in done.stderr
    assert "mine/boot/5.png" in done.stderr
    assert list((pictures / "datasets").iterdir()) == []


def test_the_settings_go_into_params(pictures):
    assert describe(pictures, "mine", "--name", "shoes", "--use").returncode == 0
    params = YAML(typ="safe").load(pictures / "params.yaml")
    assert params["dataset"] == {"name": "shoes"}
    assert params["normalize"]["validation_size"] == 0.1
    assert params["train"]["epochs"] > 6


def test_idx_files_are_described_with_what_is_in_both_splits(pictures):
    contents = made_files()
    twice = np.full((2, 28, 28), 9)
    contents[idx.TRAIN[0]] = gzipped_idx(np.concatenate([twice, np.ones((18, 28, 28))]))
    contents[idx.TRAIN[1]] = gzipped_idx(np.array([1, 1, *[0] * 18]))
    contents[idx.TEST[0]] = gzipped_idx(np.concatenate([twice, np.zeros((3, 28, 28))]))
    contents[idx.TEST[1]] = gzipped_idx(np.array([0, 1, 0, 0, 1]))
    (pictures / "four").mkdir()
    for name, content in contents.items():
        (pictures / "four" / name).write_bytes(content)
    done = describe(pictures, "four", "--name", "mine")
    assert done.returncode == 0, done.stderr
    assert "2 test images are training images, too, 1 of them with another label" in done.stdout
    found = described(pictures, "mine")
    assert found["classes"] == ["0", "1"]
    assert (found["idx"]["train_images"], found["idx"]["test_images"]) == (20, 5)
