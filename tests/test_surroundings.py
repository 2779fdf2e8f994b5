"""No setting of the user's environment changes a number or a plot, and no package phones home."""

import json
import os
import platform
import re
import subprocess
import sys

import pytest
from conftest import ROOT, SPEC

USERS_OF_ONNX_RUNTIME = ["inference.onnx_model", "training.quantization"]
WATCHES = """
import importlib.abc, os, sys
class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "onnxruntime":
            print(os.environ.get("ORT_DISABLE_TELEMETRY"))
sys.meta_path.insert(0, Watch())
"""
DRAWS = """
import sys
from pathlib import Path
import numpy as np
from fashion_mnist.dataset.spec import Spec
from fashion_mnist.dataset.splits import Split
from fashion_mnist.evaluation import plots
spec = Spec.model_validate_json(sys.argv[2])
plots.samples(Path(sys.argv[1]), Split(np.zeros((4, 28, 28, 1)), np.arange(4), spec), 2)
"""


def run(script: str, *arguments, **environment: str) -> str:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    known = {**os.environ, **environment}
    done = subprocess.run(command, cwd=ROOT, env=known, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("module", USERS_OF_ONNX_RUNTIME)
def test_telemetry_is_off_before_onnx_runtime_is_imported(module):
    script = f"{WATCHES}\nimport fashion_mnist.{module}"
    assert run(script, ORT_DISABLE_TELEMETRY="0").split() == ["1"]


def test_no_other_module_imports_onnx_runtime():
    folders = ("fashion_mnist", "service", "stages", "benchmarks", "experiments")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    statement = re.compile(r"^\s*(import|from) onnxruntime\b", re.MULTILINE)
    importing = {path for path in files if statement.search(path.read_text())}
    library = ROOT / "fashion_mnist"
    expected = [library.joinpath(*name.split(".")) for name in USERS_OF_ONNX_RUNTIME]
    assert importing == {path.with_suffix(".py") for path in expected}


def test_the_image_sends_no_telemetry_either():
    assert "\nENV ORT_DISABLE_TELEMETRY=1\n" in (ROOT / "Dockerfile").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["figure.facecolor: gray", "text.usetex: True"])
def test_a_plot_has_the_same_bytes_whatever_the_settings_of_matplotlib(tmp_path, setting):
    spec = SPEC.model_dump_json()
    run(DRAWS, tmp_path / "plain.png", spec, MPLBACKEND="")
    (tmp_path / "matplotlibrc").write_text(setting)
    run(
        DRAWS,
        tmp_path / "set.png",
        spec,
        MPLBACKEND="module://matplotlib_inline.backend_inline",
        MPLCONFIGDIR=str(tmp_path),
    )
    assert (tmp_path / "set.png").read_bytes() == (tmp_path / "plain.png").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("where", ["HOME", "KERAS_HOME"])
def test_keras_is_set_up_the_same_whatever_the_settings_of_its_user(tmp_path, where):
    left_over = {"floatx": "float64", "image_data_format": "channels_first", "backend": "jax"}
    folder = tmp_path / ".keras" if where == "HOME" else tmp_path
    folder.mkdir(exist_ok=True)
    (folder / "keras.json").write_text(json.dumps(left_over))
    script = """
from fashion_mnist.training.tf_keras import keras
config = keras.config
print(config.floatx(), config.image_data_format(), config.backend(), config.max_epochs())
"""
    said = run(
        script,
        **{where: str(tmp_path)},
        KERAS_MAX_EPOCHS="1",
        MPLBACKEND="module://matplotlib_inline.backend_inline",
    )
    assert said.split() == ["float32", "channels_last", "tensorflow", "None"]


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="TensorFlow chooses elsewhere")
@pytest.mark.parametrize(("given", "expected"), [(None, "True"), ("1", "True"), ("0", "False")])
def test_tensorflow_uses_onednn_unless_the_user_says_no(monkeypatch, given, expected):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    script = """
from fashion_mnist.training.tf_keras import tf
from tensorflow.python.util import _pywrap_util_port
print(_pywrap_util_port.IsMklEnabled())
"""
    settings = {"TF_ENABLE_ONEDNN_OPTS": given} if given else {}
    assert run(script, **settings).split() == [expected]


def test_a_clone_with_autocrlf_has_the_same_files(tmp_path):
    clone = tmp_path / "clone"
    command = ["git", "-c", "core.autocrlf=true", "clone", "--quiet", str(ROOT), str(clone)]
    subprocess.run(command, check=True)
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=clone, check=True, capture_output=True, text=True
    ).stdout.split("\0")[:-1]
    assert "dvc.lock" in tracked
    texts = [path for path in tracked if not path.endswith(".png")]
    assert [path for path in texts if b"\r\n" in (clone / path).read_bytes()] == []


def test_a_moved_folder_is_installed_anew_and_a_linked_environment_is_not(tmp_path):
    def planned(folder):
        done = subprocess.run(
            ["make", "--dry-run", "--file", ROOT / "Makefile", "lint"],
            cwd=folder,
            env={**os.environ, "MAKEFLAGS": ""},
            check=True,
            text=True,
            capture_output=True,
        )
        return done.stdout

    old, new, other = (tmp_path / name for name in ("old place", "new place", "other"))
    for folder in (old, other):
        folder.mkdir()
        (folder / "requirements.txt").touch()
    (old / ".venv").mkdir()
    (old / ".venv" / "installed").write_text(f"{old.resolve()}/.venv\n")
    (other / ".venv").symlink_to(old / ".venv")
    assert "venv --clear" not in planned(old)
    assert "venv --clear" not in planned(other)
    old.rename(new)
    assert "venv --clear" in planned(new)
