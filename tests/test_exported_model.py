"""What is no model of this project, or no longer the one that a stage wrote, is refused."""

import hashlib
import json

import numpy as np
import onnx
import pytest

from fashion_mnist.errors import InputError
from fashion_mnist.inference.answers import Models


def metadata(model: onnx.ModelProto, key: str) -> onnx.StringStringEntryProto:
    return next(entry for entry in model.metadata_props if entry.key == key)


def without_features(model):
    kept = [output for output in model.graph.output if output.name != "features"]
    del model.graph.output[:]
    model.graph.output.extend(kept)


def without_metadata(model):
    del model.metadata_props[:]


def of_other_pixels(model):
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 99


def of_fewer_classes(model):
    entry = metadata(model, "dataset")
    entry.value = json.dumps({**json.loads(entry.value), "classes": ["a", "b"]})


def of_no_number(model):
    metadata(model, "sure_from").value = "null"


@pytest.mark.parametrize("name", ["cnn", "photographs"])
@pytest.mark.parametrize(
    "change", [without_features, without_metadata, of_other_pixels, of_fewer_classes, of_no_number]
)
def test_a_foreign_model_is_refused_in_one_line(exported, tmp_path, name, change):
    model = onnx.load(exported / f"{name}.onnx")
    if name == "photographs" and change in (of_fewer_classes, of_no_number):
        return  # it has no such metadata
    change(model)
    path = tmp_path / f"{name}.onnx"
    onnx.save(model, path)
    with pytest.raises(InputError, match=r"not a whole exported model|not a model of photographs"):
        Models.load_one(path)


def test_a_model_that_is_not_that_of_its_card_is_refused(exported, tmp_path):
    content = bytearray((exported / "cnn.onnx").read_bytes())
    path, card = tmp_path / "cnn.onnx", tmp_path / "cnn.json"
    card.write_text(
        json.dumps({"sha256": {"models/cnn.onnx": hashlib.sha256(content).hexdigest()}})
    )
    path.write_bytes(content)
    Models.load_one(path)
    for place in np.random.default_rng(0).integers(0, len(content), 20):
        content[place] ^= 1
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"cnn\.onnx: SHA-256 \w+ found, .*cnn\.json expects"):
            Models.load_one(path)
        content[place] ^= 1
