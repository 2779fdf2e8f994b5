import copy
import importlib
import pkgutil
import shutil
import typing
from pathlib import Path

import pytest
from conftest import ROOT, made_dataset, with_all_models
from dvc.utils.serialize import modify_yaml
from ruamel.yaml import YAML

from fashion_mnist import params
from fashion_mnist.errors import InputError
from fashion_mnist.params import whole
from fashion_mnist.params.cnn import CNN
from fashion_mnist.params.dataset import Dataset
from fashion_mnist.params.mlp import MLP
from fashion_mnist.params.recipe import Recipe
from fashion_mnist.params.train import Train

SHIPPED = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")
MADE = made_dataset("made")
MADE["idx"] |= {"train_images": 60_000, "test_images": 10_000}
# The shipped params with the models that are off by default, for the made dataset.
ALL = YAML(typ="safe", pure=True).load(with_all_models((ROOT / "params.yaml").read_text()))
ALL["dataset"]["name"] = "made"
ALL["normalize"] |= {"train_size": None, "validation_size": 5000}
KEYS = [(section, key) for section, values in ALL.items() for key in values]
# Files and model cards from before it was there stay as they are.
OPTIONAL = ("cnn", "members")
CLASSES = {
    # The annotation of an optional section is `class | None`.
    name: (*typing.get_args(field.annotation), field.annotation)[0]
    for name, field in whole.Params.model_fields.items()
}
MODELS = [name for name, kind in CLASSES.items() if issubclass(kind, Recipe)]


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A function that writes params.yaml, one key of ALL changed, beside datasets/made.yaml."""
    monkeypatch.chdir(tmp_path)
    Path("datasets").mkdir()
    YAML(typ="safe", pure=True).dump(MADE, Path("datasets/made.yaml"))

    def write(section=None, key=None, value=None, drop=False):
        content = copy.deepcopy(ALL)
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


def test_the_shipped_params_are_valid_and_models_may_be_missing(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert whole.load().model_dump() == {"linear": None, "resnet": None, **SHIPPED}
    assert whole.models().keys() == SHIPPED.keys() & MODELS


def test_all_params_are_valid_and_each_section_loads_alone(write):
    write()
    checked = whole.load()
    assert checked.model_dump() == ALL
    assert list(whole.models()) == MODELS
    for name, kind in CLASSES.items():
        assert kind.load() == getattr(checked, name)
        assert kind.section == name


def test_every_section_has_a_file_of_its_name():
    modules = {module.name for module in pkgutil.iter_modules(params.__path__)}
    assert modules - {"section", "whole", "recipe", "head", "photographs"} == CLASSES.keys()
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


def test_a_file_from_before_a_key_was_there_says_what_it_said(write):
    write(*OPTIONAL, drop=True)
    assert whole.load().model_dump() == ALL


@pytest.mark.parametrize(("section", "key"), [key for key in KEYS if key != OPTIONAL])
def test_every_missing_key_is_named(write, section, key):
    write(section, key, drop=True)
    assert f"params.yaml: {section}.{key} is missing" in complaint()
    assert complaint() == complaint(CLASSES[section].load)


@pytest.mark.parametrize(("section", "key"), KEYS)
def test_every_mistyped_key_is_named_with_its_value(write, section, key):
    write(section, key, {"a": "mapping"})
    assert f"params.yaml: {section}.{key} = {{'a': 'mapping'}}: expected" in complaint()
    assert complaint() == complaint(CLASSES[section].load)


OUT_OF_RANGE = [
    ("dataset", "name", "../params"),
    ("dataset", "name", "no_such_file"),
    ("download", "timeout", 0),
    ("download", "timeout", 1e10),
    ("download", "retries", -1),
    ("download", "retries", 11),
    ("normalize", "train_size", 5),
    ("normalize", "train_size", 105),
    ("normalize", "validation_size", 0),
    ("normalize", "validation_size", 5001),
    ("normalize", "validation_size", 0.0),
    ("normalize", "validation_size", 0.6),
    ("normalize", "validation_size", "5000"),
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
    ("mlp", "learning_rate", 1e9),
    ("mlp", "weight_decay", 1.1),
    ("mlp", "schedule", "step"),
    ("mlp", "weight_decay", -0.1),
    ("mlp", "label_smoothing", 1),
    ("mlp", "flip", 1),
    ("mlp", "optimizer", "muon"),
    ("cnn", "optimizer", "sgd"),
    ("cnn", "filters", []),
    ("cnn", "filters", [32, -1]),
    ("cnn", "kernel_size", 0),
    ("cnn", "kernel_size", 29),
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
    ("cnn", "members", 0),
    ("cnn", "members", 21),
    ("evaluate", "predictions_shown", 0),
    ("evaluate", "mistakes_shown", 101),
    ("feature_maps", "maps_shown", 0),
    ("normalize", "validation_size", 60_000),
    ("normalize", "train_size", 59_990),
    ("mlp", "hidden_units", [10_001]),
    ("linear", "optimizer", "muon"),
    ("resnet", "filters", [16]),
    ("resnet", "filters", [8] * 6),
    ("r_cnn", "kernel_size", 29),
    ("r_cnn", "images_shown", [0]),
    ("r_cnn", "images_shown", [0, 10_000]),
    ("export", "sure_from", 1.1),
    ("export", "quantization_images", 0),
    ("similar_items", "queries", 0),
    ("similar_items", "items_shown", 21),
]


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [case for case in OUT_OF_RANGE if case[0] in ALL],  # not every repository has r_cnn
)
def test_out_of_range_values_are_refused_by_name(write, section, key, value):
    write(section, key, value)
    said = complaint()
    assert said.startswith(f"params.yaml: {section}")
    assert key in said


def test_only_what_learned_from_mirrored_images_is_exported_with_the_mirror(write):
    write("export", "mirror_averaged", True)
    export, spec = whole.load().export, Dataset.load()
    learned = {"mlp": False, "cnn": True}
    models = {
        name: recipe.model_copy(update={"flip": learned[name]})
        for name, recipe in whole.models().items()
        if name in learned
    }
    kept, lost = (spec.model_copy(update={"mirror_keeps_class": keeps}) for keeps in (True, False))
    assert export.mirrored(models, kept) == {"cnn"}
    assert export.mirrored(models, lost) == set()
    off = export.model_copy(update={"mirror_averaged": False})
    assert off.mirrored(models, kept) == set()


def test_convolutions_that_leave_no_pixels_are_refused(write):
    write("cnn", "filters", [8] * 20)
    content = YAML(typ="safe", pure=True).load(Path("params.yaml"))
    content["cnn"]["padding"] = "valid"
    YAML(typ="safe", pure=True).dump(content, Path("params.yaml"))
    assert "cnn: no pixels remain after convolution 4 of 20: expected fewer" in complaint()


def test_unknown_keys_and_sections_are_named(write, tmp_path):
    write("train", "epoch-s", 3)
    assert "params.yaml: train.epoch-s is not a known key; did you mean epochs?" in complaint()
    write()
    (tmp_path / "params.yaml").open("a").write("\nmodel: {}\n")
    assert "params.yaml: model is not a known key; the known ones are in" in complaint()


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ('"a[b]": 1', "a[b] is not a known key"),
        ('"a\\nb": 1', r"a\nb is not a known key"),
        ("1: 2", "the key 1 is no text"),
        ("a: " + 3000 * "[" + 3000 * "]", "nested too deeply"),
        ("".join(f"x{number}: 1\n" for number in range(5000)), "x0 is not a known key"),
        (
            "a0: &a0 [1]\n"
            + "".join(f"a{n}: &a{n} [{8 * f'*a{n - 1}, '}]\n" for n in range(1, 12)),
            "a0",
        ),
    ],
    ids=["brackets", "a line end", "a number", "nesting", "many", "aliases"],
)
def test_odd_keys_and_values_end_in_a_short_line(write, tmp_path, added, said):
    write()
    (tmp_path / "params.yaml").open("a").write(f"\n{added}\n")
    assert f"params.yaml: {said}" in complaint()
    assert len(complaint()) < 200


def test_a_value_of_endless_aliases_is_quoted_shortly(write, tmp_path):
    write()
    path = tmp_path / "params.yaml"
    before, found, after = path.read_text().partition("  seed: ")
    nested = "&a0 [1]"
    for number in range(1, 12):
        nested = f"&a{number} [{nested}, {', '.join(8 * [f'*a{number - 1}'])}]"
    path.write_text(f"{before}{found}{nested} #{after}")
    assert len(complaint()) < 200


@pytest.mark.parametrize("text", ["", "[]", "just words"])
def test_a_file_without_sections_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(text)
    assert "found, expected keys and values" in complaint()


NO_IDX = {"idx": None}
PICTURES = {"count": 600, "sha256": 64 * "0", "test_size": 0.2, "seed": 0}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (None, "params.yaml: dataset.name = 'made': datasets/made.yaml not found, there is none"),
        ({"classes": ["Bag", "Coat", "Bag"]}, "classes: 'Bag' found twice; expected different"),
        ({"classes": list(range(10))}, "classes.0 = 0: expected a valid string"),
        ({"classes": ["Bag"]}, "classes = ['Bag']: expected at least 2 items"),
        ({"cut_out": True, "channels": 3}, "cut_out = True: expected channels = 1, or cut_out"),
        ({"cut_out": False, "channels": 3}, "channels = 3: IDX files are grey, expected 1"),
        ({"cut_out": False, "margin": 2}, "margin = 2: expected 0 without cut_out"),
        ({"margin": 14}, "margin = 14: expected less than half of the side"),
        ({"channels": 2}, "channels = 2: expected 1 or 3"),
        ({"side": 1000}, "side = 1000: expected less than or equal to 256"),
        (NO_IDX, "expected either idx or pictures"),
        ({"pictures": PICTURES}, "expected either idx or pictures"),
        (NO_IDX | {"pictures": {**PICTURES, "sha256": "?"}}, "pictures.sha256 = '?': expected"),
        (NO_IDX | {"pictures": {**PICTURES, "test_size": 0}}, "pictures.test_size = 0: expected"),
        ({"sources": []}, "sources = []: expected at least one item"),
        ({"sources": [""]}, "sources.0 = '': expected"),
        ({"colour": True}, "colour is not a known key"),
        ({"mirror_keeps_class": "yes"}, "mirror_keeps_class = 'yes': expected a valid boolean"),
    ],
)
def test_a_description_of_a_dataset_that_breaks_a_rule_is_refused(write, changes, expected):
    write()
    path = Path("datasets/made.yaml")
    if changes is None:
        path.unlink()
    else:
        YAML(typ="safe", pure=True).dump({**MADE, **changes}, path)
        expected = f"{path}: {expected}"
    assert complaint(Dataset.load).startswith(expected)
    assert complaint(whole.load) == complaint(Dataset.load)


def test_a_description_that_lacks_a_key_or_is_no_yaml_is_refused(write):
    write()
    path = Path("datasets/made.yaml")
    for key in MADE.keys() - {"idx", "margin"}:
        content = {name: value for name, value in MADE.items() if name != key}
        YAML(typ="safe", pure=True).dump(content, path)
        assert complaint(Dataset.load).startswith(f"{path}: {key} is missing;")
    path.write_text("classes: [")
    assert complaint(Dataset.load).startswith(f"{path}: not YAML")


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "datasets").glob("*.yaml")))
def test_every_shipped_description_is_valid(write, name):
    write("dataset", "name", name)
    shutil.copy(ROOT / "datasets" / f"{name}.yaml", "datasets")
    dataset = Dataset.load()
    assert dataset.spec.model_dump().items() <= dataset.model_dump().items()


def test_a_folder_of_pictures_is_held_out_by_share(write):
    content = MADE | NO_IDX | {"pictures": PICTURES}
    YAML(typ="safe", pure=True).dump(content, Path("datasets/made.yaml"))
    write()
    said = complaint()
    assert said.startswith("params.yaml: normalize: validation_size = 5000: expected a share")
    write("normalize", "validation_size", 0.1)
    assert whole.load().normalize.validation_size == 0.1


def test_an_empty_list_is_refused_without_jargon(write):
    write("cnn", "filters", [])
    assert complaint() == "params.yaml: cnn.filters = []: expected at least one item"


def test_a_section_without_keys_is_refused(write, tmp_path):
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text() + "\nlinear:\n")
    assert complaint().startswith("params.yaml: linear is empty; expected its keys")


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
    (tmp_path / "params.yaml").write_text("train:\n  epochs: 1\n  epochs: 2\n")
    assert complaint().startswith('params.yaml: not YAML: line 3: found duplicate key "epochs"')
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
