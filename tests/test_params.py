import importlib
import pkgutil
from pathlib import Path

import pytest
from conftest import ROOT
from dvc.utils.serialize import modify_yaml
from ruamel.yaml import YAML

from fashion_mnist import params
from fashion_mnist.errors import InputError
from fashion_mnist.params import whole
from fashion_mnist.params.cnn import CNN
from fashion_mnist.params.mlp import MLP
from fashion_mnist.params.train import Train

SHIPPED = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")
KEYS = [(section, key) for section, values in SHIPPED.items() for key in values]
CLASSES = {name: field.annotation for name, field in whole.Params.model_fields.items()}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A function that writes the shipped params.yaml, one key changed, into the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(section=None, key=None, value=None, drop=False):
        content = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")
        if drop:
            del content[section][key]
        elif section:
            content[section][key] = value
        YAML(typ="safe", pure=True).dump(content, Path("params.yaml"))

    return write


def complaint(load=whole.load) -> str:
    with pytest.raises(InputError) as caught:
        load()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_shipped_params_are_valid_and_each_section_loads_alone(write):
    write()
    checked = whole.load()
    assert checked.model_dump() == SHIPPED
    for name, kind in CLASSES.items():
        assert kind.load() == getattr(checked, name)
        assert kind.section == name


def test_every_section_has_a_file_of_its_name():
    modules = {module.name for module in pkgutil.iter_modules(params.__path__)}
    assert modules - {"section", "whole", "recipe"} == SHIPPED.keys()
    for name, kind in CLASSES.items():
        assert kind.__module__ == f"fashion_mnist.params.{name}"
        assert importlib.import_module(kind.__module__).__doc__.startswith(f"The section `{name}`")


def test_a_section_is_read_though_another_one_breaks_a_rule(write):
    write("cnn", "filters", [])
    assert MLP.load().hidden_units == SHIPPED["mlp"]["hidden_units"]
    assert complaint(CNN.load) == complaint(whole.load)


def test_a_missing_section_is_named(write):
    write()
    content = YAML(typ="safe", pure=True).load(Path("params.yaml"))
    del content["train"]
    YAML(typ="safe", pure=True).dump(content, Path("params.yaml"))
    assert complaint(Train.load).startswith("params.yaml: train is missing;")
    assert complaint(whole.load) == complaint(Train.load)


@pytest.mark.parametrize(("section", "key"), KEYS)
def test_every_missing_key_is_named(write, section, key):
    write(section, key, drop=True)
    assert f"params.yaml: {section}.{key} is missing" in complaint()
    assert complaint() == complaint(CLASSES[section].load)


@pytest.mark.parametrize(("section", "key"), KEYS)
def test_every_mistyped_key_is_named_with_its_value(write, section, key):
    write(section, key, {"a": "mapping"})
    assert f"params.yaml: {section}.{key} = {{'a': 'mapping'}}: expected" in complaint()
    assert complaint() == complaint(CLASSES[section].load)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("download", "sources", []),
        ("download", "sources", [""]),
        ("download", "timeout", 0),
        ("download", "timeout", 1e10),
        ("download", "retries", -1),
        ("download", "retries", 11),
        ("normalize", "train_size", 5),
        ("normalize", "train_size", 105),
        ("normalize", "validation_size", 0),
        ("normalize", "validation_size", 5001),
        ("normalize", "seed", -1),
        ("normalize", "sample_rows", 0),
        ("train", "epochs", 0),
        ("train", "epochs", 10**40),
        ("train", "epochs", "8"),
        ("train", "epochs", 1.5),
        ("train", "batch_size", 0),
        ("train", "seed", 2**32),
        ("train", "precision", "float64"),
        ("mlp", "hidden_units", [10**10]),
        ("mlp", "hidden_units", [128, 0]),
        ("mlp", "dropout_rate", 1.0),
        ("mlp", "learning_rate", 0.0),
        ("mlp", "learning_rate", float("nan")),
        ("mlp", "schedule", "step"),
        ("mlp", "weight_decay", -0.1),
        ("mlp", "label_smoothing", 1),
        ("mlp", "flip", 1),
        ("mlp", "optimizer", "muon"),
        ("cnn", "optimizer", "sgd"),
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
        ("evaluate", "predictions_shown", 0),
        ("evaluate", "mistakes_shown", 101),
        ("feature_maps", "maps_shown", 0),
        ("normalize", "validation_size", 60_000),
        ("normalize", "train_size", 59_990),
        ("mlp", "hidden_units", [10_001]),
        ("r_cnn", "images_shown", [0]),
        ("r_cnn", "images_shown", [0, 10_000]),
        ("export", "sure_from", 1.1),
        ("export", "quantization_images", 0),
        ("similar_items", "queries", 0),
        ("similar_items", "items_shown", 21),
    ],
)
def test_out_of_range_values_are_refused_by_name(write, section, key, value):
    write(section, key, value)
    said = complaint()
    assert said.startswith(f"params.yaml: {section}")
    assert key in said


def test_convolutions_that_leave_no_pixels_are_refused(write):
    write("cnn", "filters", [8] * 20)
    content = YAML(typ="safe", pure=True).load(Path("params.yaml"))
    content["cnn"]["padding"] = "valid"
    YAML(typ="safe", pure=True).dump(content, Path("params.yaml"))
    assert "cnn: no pixels remain after convolution 4 of 20: expected fewer" in complaint()


def test_unknown_keys_and_sections_are_named(write, tmp_path):
    write("train", "epoch-s", 3)
    assert "params.yaml: train.epoch-s is not a known key" in complaint()
    write()
    (tmp_path / "params.yaml").open("a").write("\nmodel: {}\n")
    assert "params.yaml: model is not a known key" in complaint()


@pytest.mark.parametrize("text", ["", "[]", "just words"])
def test_a_file_without_sections_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(text)
    assert "found, expected sections such as `train:`" in complaint()


def test_an_empty_list_is_refused_without_jargon(write):
    write("cnn", "filters", [])
    assert complaint() == "params.yaml: cnn.filters = []: expected at least one item"


def test_convolution_dropout_without_pooling_is_refused(write):
    write("cnn", "pool_after", [])
    whole.load()
    content = YAML(typ="safe", pure=True).load(Path("params.yaml"))
    content["cnn"]["conv_dropout_rate"] = 0.5
    YAML(typ="safe", pure=True).dump(content, Path("params.yaml"))
    assert "conv_dropout_rate = 0.5: this dropout comes before pooling" in complaint()


def test_broken_and_absent_files_are_named(write, tmp_path):
    for content in (b"train: 2020-99-99\n", b"train: [1\n", b"\xff\xfe\x00\x00"):
        (tmp_path / "params.yaml").write_bytes(content)
        assert "params.yaml: not YAML" in complaint()
    (tmp_path / "params.yaml").unlink()
    assert "params.yaml: not found" in complaint()


def test_scientific_notation_is_a_number(write, tmp_path):
    text = (ROOT / "params.yaml").read_text()
    rate = SHIPPED["mlp"]["learning_rate"]
    (tmp_path / "params.yaml").write_text(
        text.replace(f"learning_rate: {rate}", "learning_rate: 1e-3")
    )
    assert MLP.load().learning_rate == 0.001


def test_dvc_rewrites_the_shipped_file_to_itself(tmp_path):
    """So `dvc exp run -S` changes the line that it is asked to change, and no other."""
    path = tmp_path / "params.yaml"
    path.write_bytes((ROOT / "params.yaml").read_bytes())
    with modify_yaml(str(path)):
        pass
    assert path.read_text() == (ROOT / "params.yaml").read_text()
