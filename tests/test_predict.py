"""The command, as its user runs it: `python -m fashion_mnist.predict`."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, made_images
from PIL import Image

from fashion_mnist.inference.onnx_model import OnnxModel

PIXELS = made_images(6, seed=11)[0]
PIXELS[PIXELS < 100] = 0  # a black background, as in the dataset


@pytest.fixture
def predict(exported):
    model = ("--model", exported / "cnn.onnx")

    def run(*arguments, **kwargs) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "fashion_mnist.predict", *model]
        kwargs = {"stdin": subprocess.DEVNULL, **kwargs} if "input" not in kwargs else kwargs
        return subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, **kwargs)

    run.model = model
    return run


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "deeper").mkdir()
    for position, image in enumerate(PIXELS):
        place = tmp_path / "deeper" if position > 3 else tmp_path
        Image.fromarray(image).save(place / f"{position}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_a_folder_is_searched_and_each_picture_gets_its_line(predict, folder, exported):
    done = predict(folder, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    model = OnnxModel(exported / "cnn.onnx")
    lines = done.stdout.splitlines()
    assert len(lines) == len(PIXELS)
    for line, row in zip(lines, model(PIXELS).probabilities, strict=True):
        sure = "" if row.max() >= 0.5 else "not sure: "
        answer = f"{sure}{model.spec.classes[row.argmax()]} {row.max():.1%}"
        assert line.endswith(f"  {answer}")
    assert len({line.index("  ") for line in lines if "deeper" in line}) == 1


def test_csv_has_a_row_for_each_picture_that_could_be_read(predict, folder):
    (folder / "cut.png").write_bytes((folder / "0.png").read_bytes()[:60])
    done = predict("--csv", folder, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {folder / 'cut.png'}: not a whole picture")
    rows = [*csv.DictReader(io.StringIO(done.stdout))]
    as_json = predict("--json", folder, text=True).stdout
    for row, answer in zip(rows, map(json.loads, as_json.splitlines()), strict=True):
        assert row == {name: str(answer[name]) for name in row}
    assert len(rows) == len(PIXELS)


def test_answers_come_before_all_pictures_are_read(predict, folder, tmp_path):
    os.mkfifo(tmp_path / "slow.png")
    for number in range(20):
        shutil.copy(folder / "0.png", folder / "deeper" / f"{number:02}.png")
    command = [sys.executable, "-m", "fashion_mnist.predict", "--json", *predict.model]
    pictures = [folder / "deeper", tmp_path / "slow.png"]
    process = subprocess.Popen([*command, *pictures], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert json.loads(process.stdout.readline())["file"] == str(folder / "deeper" / "00.png")
        (tmp_path / "slow.png").write_bytes((folder / "0.png").read_bytes())
        assert process.communicate()[0].count("\n") == 22
        assert process.returncode == 0
    finally:
        process.kill()


def test_an_explanation_overwrites_nothing(predict, folder):
    before = (folder / "0.png").read_bytes()
    for existing in ("0.png", "notes.txt"):
        done = predict(folder / "0.png", "--explain", folder / existing, text=True)
        assert done.returncode == 1
        assert done.stderr == (
            f"error: --explain {folder / existing}: exists already; choose another name\n"
        )
    assert (folder / "0.png").read_bytes() == before


def test_json_has_what_the_service_answers(predict, folder):
    done = predict("--json", "--top", "3", folder / "0.png")
    (prediction,) = map(json.loads, done.stdout.splitlines())
    assert prediction.keys() == {
        *("file", "class", "probability", "sure", "known", "reason", "top", "model")
    }
    assert prediction["file"] == str(folder / "0.png")
    probabilities = [row["probability"] for row in prediction["top"]]
    assert len(probabilities) == 3
    assert probabilities == sorted(probabilities, reverse=True)


def test_a_picture_may_come_on_stdin(predict, folder):
    content = (folder / "2.png").read_bytes()
    for arguments in ([], ["-"]):
        done = predict(*arguments, input=content)
        assert done.stdout.startswith(b"stdin  ")
        assert done.stdout.split()[1:] == predict(folder / "2.png").stdout.split()[1:]


def test_each_bad_picture_is_one_line_of_error_and_the_others_are_answered(predict, folder):
    (folder / "cut.png").write_bytes((folder / "0.png").read_bytes()[:80])
    (folder / "empty").mkdir()
    paths = [folder / name for name in ("cut.png", "0.png", "gone.png", "notes.txt", "empty")]
    done = predict(*paths, text=True)
    assert done.returncode == 1
    assert done.stdout.startswith(str(folder / "0.png"))
    complaints = done.stderr.splitlines()
    assert len(complaints) == 4
    for name in ("cut.png", "gone.png", "notes.txt", "empty"):
        assert [line for line in complaints if f"{folder / name}: " in line]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--model", "gone.onnx", "x.png"], "error: gone.onnx: not found; `make` exports the"),
        (["--model", "README.md", "x.png"], "error: README.md: not a whole exported model"),
        (["--explain", "why.png", "a.png", "b.png"], "error: --explain: 2 pictures found"),
        (["--explain", "why.jpg", "a.png"], "error: --explain why.jpg: expected a name that ends"),
        (["--test-image", "0", "--model", "a.onnx", "--json"], "error: --test-image: expected wit"),
        (["a.png", "--test-image", "0"], "error: --test-image: expected without pictures"),
        (["a.png", "--plot", "why.png"], "error: --plot: expected with --test-image"),
    ],
)
def test_a_mistake_of_the_user_is_one_line(predict, arguments, complaint):
    done = predict(*arguments, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(complaint)
    assert done.stderr.count("\n") == 1


def test_odd_names_are_printed_as_one_harmless_line_each(predict, folder, tmp_path):
    odd = tmp_path / "odd"
    odd.mkdir()
    (folder / "0.png").rename(odd / "x\n\x1b[31my.png")
    done = predict(odd, odd / ("a" * 300), tmp_path / "no\x1bsuch.jpg", text=True)
    assert done.stdout.count("\n") == 1
    assert "\x1b" not in done.stdout + done.stderr
    assert r"odd/x\n\x1b[31my.png  " in done.stdout
    assert done.stderr.splitlines() == [
        f"error: {odd / ('a' * 300)}: File name too long",
        rf"error: {tmp_path}/no\x1bsuch.jpg: not found",
    ]


@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv")
def test_what_may_not_be_read_is_named_so(exported, folder):
    """As a user without the rights of root."""
    (folder / "deeper").chmod(0)
    (folder / "1.png").chmod(0)
    lost = "--bounding-set=-dac_override,-dac_read_search"
    command = ["setpriv", "--inh-caps=-dac_override,-dac_read_search", lost, sys.executable]
    command += ["-m", "fashion_mnist.predict", "--model", exported / "cnn.onnx"]
    places = [folder / "0.png", folder / "1.png", folder / "deeper", folder]
    done = subprocess.run([*command, *places], cwd=ROOT, capture_output=True, text=True)
    (folder / "deeper").chmod(0o700)
    assert done.stdout.count("\n") == 1
    assert sorted(done.stderr.splitlines()) == sorted(
        [
            f"error: {folder / '1.png'}: Permission denied",
            *[f"error: {folder / 'deeper'}: Permission denied"] * 2,
        ]
    )


def test_the_explanation_is_a_picture(predict, folder):
    assert predict("--explain", folder / "why.png", folder / "1.png").returncode == 0
    assert np.asarray(Image.open(folder / "why.png")).std() > 10


def test_an_explanation_without_matplotlib_says_what_is_missing(exported, folder):
    script = "import sys; sys.modules['matplotlib'] = None\n"
    script += "from fashion_mnist import predict; predict.run()"
    command = [sys.executable, "-c", script, "--model", exported / "cnn.onnx"]
    options = [folder / "0.png", "--explain", folder / "why.png"]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: --explain: the package matplotlib is missing; install it\n"


def test_a_reader_that_closes_the_pipe_ends_the_command_quietly(exported, folder):
    many = [str(folder / "0.png")] * 2000
    command = [sys.executable, "-m", "fashion_mnist.predict", *many]
    command += ["--model", str(exported / "cnn.onnx")]
    process = subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.wait()


def test_answers_without_explanation_import_nothing_heavy():
    script = "import sys, fashion_mnist.predict; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, text=True, capture_output=True
    ).stdout.split()
    assert "fashion_mnist.predict" in loaded
    assert not {"matplotlib", "pandas", "tensorflow", "scipy", "sklearn"} & set(loaded)


def test_test_images_are_shown_with_their_true_classes(exported, finished):
    def show(*arguments) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "fashion_mnist.predict", *arguments]
        return subprocess.run(command, cwd=finished.folder, text=True, capture_output=True)

    done = show("--test-image", "3", "0", "--plot", "shown.png")
    assert (done.returncode, done.stderr) == (0, "")
    table = (finished.folder / "plots/predictions_cnn.csv").read_text().splitlines()[1:]
    for line, position in zip(done.stdout.splitlines(), (3, 0), strict=True):
        actual, predicted = table[position].split(",")[:2]
        assert line.startswith(f"test image {position}  {predicted} ")
        assert line.endswith(f"true: {actual}")
    assert np.asarray(Image.open(finished.folder / "shown.png")).std() > 10
    again = show("--test-image", "0", "--plot", "shown.png")
    assert again.stderr == "error: --plot shown.png: exists already; choose another name\n"
    beyond = show("--test-image", "200")
    assert beyond.stderr == "error: --test-image 200: not found, expected 0 to 199\n"
