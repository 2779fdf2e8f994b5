import hashlib

import pytest

from fashion_mnist.report import dvc_lock

FILES = {
    "params.yaml": b"train: {seed: 0, epochs: 6}\nevaluate: {mistakes_shown: 4}\n",
    "stages/train_cnn.py": b"train",
    "stages/evaluate.py": b"evaluate",
    "stages/export.py": b"export",
    "plots/training_cnn.csv": b"history",
}


class Files:
    """A revision that is a dict of its files."""

    def __init__(self, **changed: bytes):
        self.files = {**FILES, **changed}

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)


def entry(path: str, content: bytes | None = None) -> dict:
    content = FILES[path] if content is None else content
    return {"path": path, "md5": hashlib.md5(content).hexdigest()}


@pytest.fixture
def lock() -> dvc_lock.Lock:
    checked, model = entry("data/params_checked.txt", b"checked"), entry("models/cnn.keras", b"w")
    train = {"train": {"seed": 0, "epochs": 6}}
    return {
        "stages": {
            "check_params": {
                "deps": [],
                "params": {"params.yaml": {**train, "evaluate": {"mistakes_shown": 4}}},
                "outs": [checked],
            },
            "train_cnn": {
                "deps": [entry("stages/train_cnn.py"), checked],
                "params": {"params.yaml": train},
                "outs": [model, entry("plots/training_cnn.csv")],
            },
            "evaluate": {
                "deps": [entry("stages/evaluate.py"), model, entry("plots/training_cnn.csv")],
                "params": {"params.yaml": {"evaluate": {"mistakes_shown": 4}}},
                "outs": [entry("metrics/evaluate.json", b"{}")],
            },
            "export": {
                "deps": [entry("stages/export.py"), model],
                "outs": [entry("models/cnn.onnx", b"onnx")],
            },
        }
    }


def stale(lock: dvc_lock.Lock, result: str = "metrics/evaluate.json", **changed) -> list[str]:
    changed = {name.replace("__", "/").replace("_dot_", "."): c for name, c in changed.items()}
    return dvc_lock.stale_files(Files(**changed), lock, result)


def test_results_of_the_files_that_are_here_are_not_stale(lock):
    assert stale(lock) == []


def test_code_and_params_make_the_results_stale_that_rest_on_them(lock):
    assert stale(lock, stages__train_cnn_dot_py=b"new") == ["stages/train_cnn.py"]
    assert stale(lock, stages__export_dot_py=b"new") == []
    assert stale(lock, "models/cnn.onnx", stages__export_dot_py=b"new") == ["stages/export.py"]
    other = FILES["params.yaml"].replace(b"shown: 4", b"shown: 5")
    assert stale(lock, params_dot_yaml=other) == ["params.yaml"]


def test_the_check_of_all_params_makes_no_result_stale(lock):
    other = FILES["params.yaml"].replace(b"shown: 4", b"shown: 5")
    assert stale(lock, "models/cnn.onnx", params_dot_yaml=other) == []


def test_a_stage_that_ran_without_the_next_one_makes_results_stale(lock):
    lock["stages"]["train_cnn"]["outs"][0] = entry("models/cnn.keras", b"another")
    assert stale(lock) == ["models/cnn.keras"]


def test_a_broken_params_file_is_stale(lock):
    assert stale(lock, params_dot_yaml=b"train: [") == ["params.yaml"]


def test_a_changed_param_is_listed_once_with_both_values(lock):
    now = {"stages": {**lock["stages"]}}
    params = {"train": {"seed": 1, "epochs": 6, "precision": "auto"}}
    for name in ("check_params", "train_cnn"):
        now["stages"][name] = {**lock["stages"][name], "params": {"params.yaml": params}}
    assert dvc_lock.changed_params(lock, now) == {
        "train.precision": (None, "auto"),
        "train.seed": (0, 1),
    }
    assert dvc_lock.changed_params(now, lock) == {
        "train.precision": ("auto", None),
        "train.seed": (1, 0),
    }


def test_a_param_that_only_the_check_read_has_changed_nothing(lock):
    """A run that ended behind the check leaves its settings in its entry."""
    check = {**lock["stages"]["check_params"], "params": {"params.yaml": {"train": {"epochs": 9}}}}
    now = {"stages": {**lock["stages"], "check_params": check}}
    assert dvc_lock.changed_params(lock, now) == {}


def test_a_stage_of_one_side_alone_ran_with_all_its_inputs(lock):
    base = {"stages": {name: stage for name, stage in lock["stages"].items() if name != "export"}}
    changed = dvc_lock.changed_stages(base, lock)
    assert changed["export"] == ["models/cnn.keras", "stages/export.py"]
    assert changed["evaluate"] == []
    assert "export" not in dvc_lock.changed_stages(lock, base)


def test_other_outputs_of_the_same_inputs_are_named(lock):
    train = {**lock["stages"]["train_cnn"], "outs": [entry("models/cnn.keras", b"other bits")]}
    now = {"stages": {**lock["stages"], "train_cnn": train}}
    assert dvc_lock.with_other_outputs(lock, now) == ["train_cnn"]
    assert dvc_lock.with_other_outputs(lock, lock) == []
    # A stage that the base lacks has other inputs.
    assert dvc_lock.with_other_outputs({"stages": {}}, lock) == []


def test_a_recipe_is_what_the_models_were_trained_with_but_for_the_seed(lock):
    lock["stages"]["normalize"] = {"outs": [entry("data/train", b"images")]}
    assert dvc_lock.recipe(lock, ["cnn"]) == {
        "data/train": hashlib.md5(b"images").hexdigest(),
        "train.epochs": 6,
    }
    assert dvc_lock.training_inputs(lock, ["cnn"])["train.seed"] == 0


def test_a_revision_without_lock_has_no_stages():
    assert dvc_lock.read(Files()) == {"stages": {}}
