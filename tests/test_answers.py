"""Which model answers a picture."""

import io

import numpy as np
import pytest
from conftest import made_head, made_images
from PIL import Image
from test_photograph import encoded, made_photograph

from fashion_mnist.errors import InputError
from fashion_mnist.inference.answers import Models
from fashion_mnist.inference.head import FILE
from fashion_mnist.inference.onnx_model import OnnxModel

pytestmark = pytest.mark.slow
PIXELS = made_images(1, seed=5)[0][0]
IMAGE = Image.fromarray(np.where(PIXELS < 100, 0, PIXELS))  # a black background, as in the dataset


def asked(models: Models, *images: Image.Image) -> list[dict]:
    prepared = [models.prepare(encoded(image), "a") for image in images]
    return models.answer(prepared, top=2)


def test_photographs_and_images_of_the_dataset_have_their_own_models(exported):
    models = Models.load(exported, head=None)
    large = IMAGE.resize((280, 280), Image.Resampling.NEAREST)
    photograph = made_photograph((300, 200))
    answers = asked(models, IMAGE, photograph, large)
    assert [answer["model"] for answer in answers] == ["cnn", "photographs", "cnn"]
    alone = OnnxModel(exported / "cnn.onnx")(np.asarray(IMAGE)[None]).probabilities[0]
    assert answers[0]["probability"] == pytest.approx(float(alone.max()), abs=1e-6)
    (again,) = asked(models, photograph)
    assert again["class"] == answers[1]["class"]
    assert models.item == "garment"


def test_a_dataset_of_other_items_is_answered_by_its_own_model_alone(exported, monkeypatch):
    class Shoes(OnnxModel):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.spec = self.spec.model_copy(update={"item": "shoe"})

    monkeypatch.setattr("fashion_mnist.inference.answers.OnnxModel", Shoes)
    photograph = Image.new("RGB", (300, 200), "white")
    photograph.paste((200, 30, 40), (90, 30, 200, 180))
    (answer,) = asked(Models.load(exported, head=None), photograph)
    assert answer["model"] == "cnn"


def test_a_head_or_a_single_model_answers_everything(exported, tmp_path):
    full = Models.load(exported, head=None)
    assert full.photographs is not None
    made_head(full.photographs.backbone, units=1952).save(tmp_path / "mine" / FILE)
    for models, name in (
        (Models.load(exported, head=tmp_path / "mine"), "mine"),
        (Models.load_one(exported / "photographs.onnx"), "photographs"),
        (Models.load_one(exported / "mlp.onnx"), "mlp"),
    ):
        assert {answer["model"] for answer in asked(models, IMAGE, IMAGE.convert("RGB"))} == {name}


def test_a_picture_that_can_not_be_read_is_one_line(exported):
    models = Models.load(exported, head=None)
    with pytest.raises(InputError, match=r"^a\.jpg: not a picture"):
        models.prepare(io.BytesIO(b"nothing"), "a.jpg")
