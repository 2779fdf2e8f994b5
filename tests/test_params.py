from pathlib import Path

import pytest
from conftest import ROOT
from dvc.utils.serialize import modify_yaml
from ruamel.yaml import YAML

from fashion_mnist import params
from fashion_mnist.errors import InputError

SHIPPED = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")
KEYS = [(section, key) for section, values in SHIPPED.items() for key in values]


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a params.yaml like the shipped one, with one key changed, and stand beside it."""
    monkeypatch.chdir(tmp_path)

    def write(section=None, key=None, value=None, drop=False):
        content = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")
        if drop:
            del content[section][key]
        elif section:
            content[section][key] = value
        YAML(typ="safe", pure=True).dump(content, Path("params.yaml"))

    return write


def complaint(*sections) -> str:
    with pytest.raises(InputError) as caught:
        params.load(*sections)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_shipped_params_are_valid(write):
    write()
    assert params.load("train").train.epochs == SHIPPED["train"]["epochs"]


def test_a_stage_gets_only_the_sections_that_it_names(write):
    write()
    with pytest.raises(AttributeError):
        _ = params.load("train").cnn


@pytest.mark.parametrize(("section", "key"), KEYS)
def test_every_missing_key_is_named(write, section, key):
    write(section, key, drop=True)
    assert f"params.yaml: {section}.{key} is missing" in complaint("download")


@pytest.mark.parametrize(("section", "key"), KEYS)
def test_every_mistyped_key_is_named_with_its_value(write, section, key):
    write(section, key, {"a": "mapping"})
    assert f"params.yaml: {section}.{key} = {{'a': 'mapping'}}: expected" in complaint("download")


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("download", "sources", []),
        ("download", "sources", [""]),
        ("download", "timeout", 0),
        ("download", "retries", -1),
        ("normalize", "train_size", 5),
        ("normalize", "train_size", 105),
        ("normalize", "validation_size", 0),
        ("normalize", "validation_size", 5001),
        ("normalize", "seed", -1),
        ("normalize", "sample_rows", 0),
        ("train", "epochs", 0),
        ("train", "epochs", 10**40),
        ("download", "timeout", 1e10),
        ("download", "retries", 11),
        ("mlp", "hidden_units", [10**10]),
        ("train", "epochs", "8"),
        ("train", "epochs", 1.5),
        ("train", "batch_size", 0),
        ("train", "seed", 2**32),
        ("train", "precision", "float64"),
        ("mlp", "hidden_units", [128, 0]),
        ("mlp", "dropout_rate", 1.0),
        ("mlp", "learning_rate", 0.0),
        ("mlp", "learning_rate", float("nan")),
        ("mlp", "schedule", "step"),
        ("cnn", "optimizer", "sgd"),
        ("mlp", "weight_decay", -0.1),
        ("mlp", "label_smoothing", 1),
        ("mlp", "flip", 1),
        ("cnn", "filters", []),
        ("cnn", "filters", [32, -1]),
        ("cnn", "kernel_size", 0),
        ("cnn", "padding", "Same"),
        ("cnn", "padding", ["same", "valid"]),
        ("cnn", "pool_after", [0]),
        ("cnn", "pool_after", [7]),
        ("cnn", "pool_after", [2, 1]),
        ("cnn", "pool_after", [1, 2, 3, 4, 5]),
        ("cnn", "batch_normalization", None),
        ("cnn", "conv_dropout_rate", -0.5),
        ("cnn", "head", "mean"),
        ("cnn", "dense_units", [0]),
        ("cnn", "dropout_rate", 1),
        ("evaluate", "predictions", 0),
        ("evaluate", "mistakes", 101),
        ("mlp", "optimizer", "muon"),
        ("feature_maps", "maps", 0),
    ],
)
def test_out_of_range_values_are_refused_by_name(write, section, key, value):
    write(section, key, value)
    said = complaint("download")
    assert said.startswith(f"params.yaml: {section}")
    assert key in said


def test_unknown_keys_and_sections_are_named(write, tmp_path):
    write("train", "epoch-s", 3)
    assert "params.yaml: train.epoch-s is not a known key" in complaint("train")
    write()
    (tmp_path / "params.yaml").open("a").write("\nmodel: {}\n")
    assert "params.yaml: model is not a known key" in complaint("train")


@pytest.mark.parametrize("text", ["", "[]", "just words"])
def test_a_file_without_sections_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(text)
    assert "found, expected the sections download, normalize, train" in complaint("train")


def test_lists_that_are_too_short_say_so(write):
    write("cnn", "filters", [])
    assert complaint("cnn") == "params.yaml: cnn.filters = []: expected at least one item"


def test_convolution_dropout_without_pooling_is_refused(write):
    write("cnn", "pool_after", [])
    params.load("cnn")
    content = YAML(typ="safe", pure=True).load(Path("params.yaml"))
    content["cnn"]["conv_dropout_rate"] = 0.5
    YAML(typ="safe", pure=True).dump(content, Path("params.yaml"))
    assert "conv_dropout_rate = 0.5: it comes before pooling" in complaint("cnn")


def test_broken_and_absent_files_are_named(write, tmp_path):
    (tmp_path / "params.yaml").write_text("train: 2020-99-99\n")
    assert "params.yaml: not YAML" in complaint("train")
    (tmp_path / "params.yaml").write_text("train: [1\n")
    assert "params.yaml: not YAML" in complaint("train")
    (tmp_path / "params.yaml").write_bytes(b"\xff\xfe\x00\x00")
    assert "params.yaml: not YAML" in complaint("train")
    (tmp_path / "params.yaml").unlink()
    assert "params.yaml: not found" in complaint("train")


def test_scientific_notation_is_a_number(write, tmp_path):
    text = (ROOT / "params.yaml").read_text()
    rate = SHIPPED["mlp"]["learning_rate"]
    (tmp_path / "params.yaml").write_text(
        text.replace(f"learning_rate: {rate}", "learning_rate: 1e-3")
    )
    assert params.load("mlp").mlp.learning_rate == 0.001


def test_dvc_rewrites_the_shipped_file_to_itself(tmp_path):
    """So that `dvc exp run -S` changes the line that it is asked to change and no other."""
    path = tmp_path / "params.yaml"
    path.write_bytes((ROOT / "params.yaml").read_bytes())
    with modify_yaml(str(path)):
        pass
    assert path.read_text() == (ROOT / "params.yaml").read_text()
