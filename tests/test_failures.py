"""Stages that meet bad input or a bad machine: one line of error, nothing lost, a rerun works."""

import contextlib
import fcntl
import os
import pty
import resource
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from conftest import Repository, made_dataset
from ruamel.yaml import YAML

from fashion_mnist.dataset import idx


def complaint(done: subprocess.CompletedProcess) -> str:
    assert done.returncode not in (0, None)
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def start(repository: Repository, stage: str, **kwargs) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", f"stages.{stage}"],
        cwd=repository.folder,
        text=True,
        stderr=subprocess.PIPE,
        **kwargs,
    )


def runs_as_if_nothing_had_happened(repository: Repository, stage: str, before: dict) -> None:
    done = repository.stage(stage)
    assert done.returncode == 0, done.stderr
    assert repository.outputs() == before


BAD = {
    "dataset": {"name": "a/b"},
    "download": {"retries": -1},
    "normalize": {"seed": -1},
    "train": {"epochs": 0},
    "mlp": {"optimizer": "muon"},
    "cnn": {"dropout_rate": 1.5},
    "evaluate": {"mistakes_shown": 0},
    "feature_maps": {"maps_shown": 0},
    "export": {"sure_from": 2},
    "similar_items": {"items_shown": 0},
    "r_cnn": {"epochs": 0},
}


def test_the_check_refuses_a_bad_value_of_any_section(finished):
    path = finished.folder / "params.yaml"
    sound = path.read_bytes()
    assert BAD.keys() == YAML(typ="safe").load(sound).keys()
    before = finished.outputs()
    for section, values in BAD.items():
        finished.set_params(**{section: values})
        assert f"error: params.yaml: {section}." in complaint(finished.stage("check_params"))
        path.write_bytes(sound)
    assert finished.outputs() == before


@pytest.mark.parametrize("section", ["cnn", "similar_items"])
@pytest.mark.parametrize("command", ["repro", "exp run"])
def test_bad_params_stop_dvc_before_any_stage_loses_an_output(finished, command, section):
    path, before = finished.folder / "params.yaml", finished.outputs()
    sound = path.read_bytes()
    [(key, value)] = BAD[section].items()
    if command == "repro":
        finished.set_params(**{section: {key: value}})
        done = finished.run("dvc", "repro", check=False)
    else:
        change = f"{section}.{key}={value}"
        done = finished.run("dvc", "exp", "run", "--set-param", change, check=False)
    assert done.returncode != 0
    assert f"error: params.yaml: {section}.{key} = {value}: expected " in done.stderr
    assert "Traceback" not in done.stderr
    # DVC removes the outputs of a stage before it runs it.
    assert before.keys() - finished.outputs().keys() == {
        "data/models.json",
        "data/params_checked.txt",
    }
    assert {**before, **finished.outputs()} == before

    # `git checkout` may overlook a change of the same length that `dvc exp run` made just now.
    path.write_bytes(sound)
    assert finished.repro() == []
    assert finished.outputs() == before
    assert finished.run("git", "status", "--porcelain").stdout == ""


def test_a_corrupt_download_is_named_and_no_split_touched(finished):
    before = finished.outputs()
    path = finished.folder / "data" / "raw" / idx.TRAIN[1]
    sound = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(sound[:-20])
    assert f"data/raw/{idx.TRAIN[1]}: corrupt gzip" in complaint(finished.stage("normalize"))
    path.write_bytes(sound)
    assert finished.outputs() == before
    runs_as_if_nothing_had_happened(finished, "normalize", before)


def test_a_download_with_another_checksum_changes_nothing(finished):
    before = finished.outputs()
    described = made_dataset("data/raw")
    described["sources"].insert(0, "http://127.0.0.1:9")
    described["idx"]["sha256"][idx.TRAIN[0]] = 64 * "0"
    YAML().dump(described, finished.folder / "datasets" / "made.yaml")
    said = complaint(finished.stage("download"))
    assert "http://127.0.0.1:9: not reachable" in said
    assert f"data/raw: {idx.TRAIN[0]} has SHA-256" in said
    assert finished.outputs() == before


def test_a_missing_model_is_named_with_the_stage_that_makes_it(finished):
    before = finished.outputs()
    model = finished.folder / "models" / "cnn.keras"
    content = model.read_bytes()
    model.unlink()
    said = complaint(finished.stage("evaluate"))
    assert "models/cnn.keras: not found; make it with `dvc repro train_cnn`" in said
    model.write_bytes(content)
    runs_as_if_nothing_had_happened(finished, "evaluate", before)


@pytest.mark.parametrize(
    ("stage", "file"),
    [("normalize", "data/train/images.npy"), ("train_mlp", "models/mlp.keras")],
)
def test_a_full_disk_leaves_the_old_file(finished, stage, file):
    """A limit on the size of files stands in for the disk: the same system call fails."""
    before = finished.outputs()
    limited = start(
        finished,
        stage,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    _, stderr = limited.communicate(timeout=60)
    said = complaint(subprocess.CompletedProcess([], limited.returncode, "", stderr))
    assert f"error: {file}: not written (" in said
    assert finished.outputs() == before
    runs_as_if_nothing_had_happened(finished, stage, before)


@pytest.mark.skipif(not Path("/sys/kernel").exists(), reason="needs a read-only folder")
def test_a_read_only_folder_is_named_and_nothing_lost(finished):
    before = finished.outputs()
    plots = finished.folder / "plots"
    plots.rename(finished.folder / "away")
    plots.symlink_to("/sys/kernel")  # there not even root can make a file
    assert "plots/samples.png: not written (" in complaint(finished.stage("normalize"))
    plots.unlink()
    (finished.folder / "away").rename(plots)
    runs_as_if_nothing_had_happened(finished, "normalize", before)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's /proc")
def test_ctrl_c_during_the_imports_ends_a_stage_silently(finished):
    before = finished.outputs()
    process = start(finished, "train_mlp")
    while "tensorflow" not in Path(f"/proc/{process.pid}/maps").read_text():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert stderr == ""
    assert finished.outputs() == before


def test_ctrl_c_during_training_on_a_terminal_leaves_the_old_model(finished):
    before = finished.outputs()
    finished.set_params(train={"epochs": 100_000})
    terminal, stage_side = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 100, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "stages.train_mlp"],
        cwd=finished.folder,
        env={**os.environ, "QUIET": ""},
        stderr=stage_side,
    )
    os.close(stage_side)
    shown = b""
    try:
        while b" images/s" not in shown or b"val_accuracy" not in shown:
            shown += os.read(terminal, 10_000)
    except BaseException:  # of pytest-timeout, too
        process.kill()
        raise
    assert b"/100000: " in shown
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(OSError):  # a terminal raises it when its other side is closed
        while chunk := os.read(terminal, 10_000):
            shown += chunk
    assert process.wait(30) == 130
    assert b"interrupted; no file is half-written" in shown
    assert b"Traceback" not in shown
    assert finished.outputs() == before
    finished.run("git", "checkout", "--quiet", "params.yaml")
    runs_as_if_nothing_had_happened(finished, "train_mlp", before)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_stage_that_is_ended_while_it_writes_leaves_the_old_files(finished, how):
    """It ends between the two files of a split, which must not be one old and one new."""
    before = finished.outputs()
    original = (finished.folder / "params.yaml").read_bytes()
    finished.set_params(normalize={"seed": 5})
    pipe = finished.folder / "data" / "train" / ".partial-labels.npy"
    os.mkfifo(pipe)  # its writer waits until somebody reads
    process = start(finished, "normalize")
    images = finished.folder / "data" / "train" / ".partial-images.npy"
    while not images.exists() or images.stat().st_size < len(before["data/train/images.npy"]):
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(how)
    process.communicate(timeout=30)
    pipe.unlink(missing_ok=True)
    left = finished.outputs()
    assert left.keys() - before.keys() <= {"data/train/.partial-images.npy"}
    assert {name: left[name] for name in before} == before
    (finished.folder / "params.yaml").write_bytes(original)
    runs_as_if_nothing_had_happened(finished, "normalize", before)


def test_dvc_outside_the_environment_says_what_to_do(finished, tmp_path):
    finished.set_params(evaluate={"mistakes_shown": 2})
    dvc = Path(sys.executable).with_name("dvc")
    bare = tmp_path / "python3"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    bare.chmod(0o755)
    done = finished.run(str(dvc), "repro", check=False, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert done.returncode != 0
    assert "run `make` once, then `. .venv/bin/activate`" in done.stderr
