import functools
import re
from itertools import islice

import numpy as np
import pytest
from conftest import SPEC, made_images

from fashion_mnist.dataset.splits import Split
from fashion_mnist.errors import InputError
from fashion_mnist.params.cnn import CNN
from fashion_mnist.params.mlp import MLP
from fashion_mnist.params.train import Train
from fashion_mnist.training import cnn, fit, mlp
from fashion_mnist.training.tf_keras import keras

TRAIN = Train(epochs=2, batch_size=32, seed=0, precision="float32")
RECIPE = {
    "optimizer": "adamw",
    "learning_rate": 0.01,
    "schedule": "cosine",
    "weight_decay": 0.0,
    "label_smoothing": 0.0,
    "flip": True,
}
MLP_RECIPE = MLP(hidden_units=[16], dropout_rate=0.1, **RECIPE)


def made_split(count: int, seed: int) -> Split:
    images, labels = made_images(count, seed)
    return Split(images[..., None] / np.float32(255), labels, SPEC)


TRAINING, VALIDATION = made_split(200, seed=6), made_split(50, seed=7)


def train(settings=TRAIN, recipe=MLP_RECIPE):
    fit.prepare(settings)
    model = mlp.build(recipe, SPEC)
    return model, fit.fit(model, TRAINING, VALIDATION, settings, recipe)


@pytest.mark.slow
def test_training_learns():
    settings = TRAIN.model_copy(update={"epochs": 10})
    _, history = train(settings)
    assert history["epoch"].tolist() == list(range(1, 11))
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0] / 2
    assert history["val_accuracy"].iloc[-1] > 0.9


@pytest.mark.slow
def test_the_seed_decides_every_weight():
    first, second = train()[0], train()[0]
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    third = train(TRAIN.model_copy(update={"seed": 1}))[0]
    assert not np.array_equal(first.get_weights()[0], third.get_weights()[0])


class Interrupt(keras.callbacks.Callback):
    """Ends a training in the middle of an epoch, as a kill would."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.now, batch) == (self.epoch, 3):
            raise KeyboardInterrupt


@pytest.mark.slow
def test_a_training_that_was_interrupted_ends_with_the_same_bytes(tmp_path):
    """Dropout, flips, Muon's momentum and the schedule all go on where they were."""
    settings = TRAIN.model_copy(update={"epochs": 4})
    recipe = CNN(
        **{**RECIPE, "optimizer": "muon", "schedule": "linear"}, filters=[4, 8], kernel_size=3,
        padding="same", pool_after=[1, 2], batch_normalization=True, conv_dropout_rate=0.2,
        head="global_average_pooling", dense_units=[], dropout_rate=0.3, members=2,
    )  # fmt: skip
    checkpoint = tmp_path / "checkpoint.npz"

    def train(*callbacks, checkpoint=None):
        fit.prepare(settings)
        model = cnn.build(recipe, SPEC)
        history = fit.fit(model, TRAINING, VALIDATION, settings, recipe, callbacks, checkpoint)
        return [weights.tobytes() for weights in model.get_weights()], history

    expected, history = train()
    for epoch in (0, 1, 3):
        with pytest.raises(KeyboardInterrupt):
            train(Interrupt(epoch), checkpoint=checkpoint)
        assert checkpoint.exists() == (epoch > 0)
    weights, resumed = train(checkpoint=checkpoint)
    assert weights == expected
    assert resumed.equals(history)
    weights, resumed = train(Interrupt(0), checkpoint=checkpoint)
    assert weights == expected, "a whole training goes on after its last epoch, and learns no more"
    assert resumed.equals(history)
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(KeyboardInterrupt):
        train(Interrupt(0), checkpoint=checkpoint)


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [32, 200], ids=["first epoch", "last update"])
def test_a_loss_that_is_not_a_number_stops_training_and_says_when(batch_size):
    settings = TRAIN.model_copy(update={"epochs": 1, "batch_size": batch_size})
    recipe = MLP_RECIPE.model_copy(update={"learning_rate": 1e30, "schedule": "constant"})
    with pytest.raises(
        InputError, match=r"the loss is nan in epoch 1: .* learning_rate or weight_decay of mlp"
    ):
        train(settings, recipe)


@pytest.mark.slow
def test_a_model_that_has_learned_nothing_is_named(monkeypatch, capsys):
    monkeypatch.delenv("QUIET")
    few = TRAIN.model_copy(update={"epochs": 3})
    train(few, MLP_RECIPE.model_copy(update={"learning_rate": 1e-9}))
    assert "is chance level, it has learned nothing" in capsys.readouterr().err
    train(few, MLP_RECIPE)
    assert "chance" not in capsys.readouterr().err


def epoch_of_batches(recipe, epoch=0, split=TRAINING):
    per_epoch = 7  # 200 images in batches of 32
    batches = fit._batches(split, TRAIN, recipe)
    return list(islice(batches, epoch * per_epoch, (epoch + 1) * per_epoch))


def test_an_epoch_shows_each_image_once_in_another_order():
    plain = MLP_RECIPE.model_copy(update={"flip": False})
    first, second = epoch_of_batches(plain), epoch_of_batches(plain, epoch=1)
    for batches in (first, second):
        assert [len(images) for images, _ in batches] == [32] * 6 + [8]
        shown = {images[i].tobytes() for images, _ in batches for i in range(len(images))}
        assert shown == {image.tobytes() for image in TRAINING.images}
    assert not np.array_equal(first[0][0], second[0][0])
    pairs = zip(TRAINING.images, TRAINING.labels, strict=True)
    label_of = {image.tobytes(): label for image, label in pairs}
    for images, targets in first:
        assert [label_of[image.tobytes()] for image in images] == targets.argmax(axis=1).tolist()


def test_every_image_is_seen_mirrored_in_every_other_epoch():
    straight = {image.tobytes() for image in TRAINING.images}
    mirrored = {image[:, ::-1].tobytes() for image in TRAINING.images}
    shown = [
        {image.tobytes() for images, _ in epoch_of_batches(MLP_RECIPE, epoch) for image in images}
        for epoch in (0, 1)
    ]
    as_is = [straight & images for images in shown]
    assert as_is[0] | as_is[1] == straight
    assert shown[0] | shown[1] == straight | mirrored
    assert not as_is[0] & as_is[1]
    assert 60 < len(as_is[0]) < 140


def test_nothing_is_mirrored_where_a_mirrored_image_is_of_another_class():
    spec = SPEC.model_copy(update={"mirror_keeps_class": False})
    straight = {image.tobytes() for image in TRAINING.images}
    for epoch in (0, 1):
        batches = epoch_of_batches(MLP_RECIPE, epoch, TRAINING._replace(spec=spec))
        assert {image.tobytes() for images, _ in batches for image in images} == straight


def test_auto_precision_is_the_one_that_this_processor_computes_in(monkeypatch):
    auto = TRAIN.model_copy(update={"precision": "auto"})
    monkeypatch.setattr(fit.tf.config, "list_physical_devices", lambda kind: [])
    for kind, expected in (
        ("AMX-BF16", "mixed_bfloat16"),
        ("AVX512-BF16", "mixed_bfloat16"),
        ("AVX512", "float32"),
        ("AVX2", "float32"),
        ("aarch64", "float32"),
    ):
        monkeypatch.setattr(fit.processor, "kind", lambda kind=kind: kind)
        assert fit.prepare(auto) == expected
    assert fit.prepare(TRAIN) == "float32"


@pytest.mark.slow
def test_without_a_terminal_each_epoch_is_a_line(capsys, monkeypatch):
    monkeypatch.delenv("QUIET")
    train()
    first, second = capsys.readouterr().err.splitlines()
    line = r"mlp, epoch {}/2: val_accuracy 0\.\d{{4}}, [\d,]+ images/s, {} s left"
    assert re.fullmatch(line.format(1, r"\d+"), first)
    assert re.fullmatch(line.format(2, 0), second)
    monkeypatch.setenv("QUIET", "1")
    train()
    assert capsys.readouterr().err == ""


def test_the_summary_says_how_it_was_computed(monkeypatch):
    model, history = train()
    for onednn in ("1", "0"):
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", onednn)
        summary = fit.summarize(model, history, "float32")["mlp"]
        assert (summary["precision"], summary["onednn"]) == ("float32", onednn)
        assert summary["val_accuracy"] == history["val_accuracy"].iloc[-1]


@pytest.mark.parametrize(
    ("capability", "expected"), [((8, 0), "mixed_bfloat16"), ((7, 5), "float32"), (None, "float32")]
)
def test_auto_precision_is_the_one_that_this_gpu_computes_in(monkeypatch, capability, expected):
    details = {"compute_capability": capability} if capability else {}
    monkeypatch.setattr(fit.tf.config, "list_physical_devices", lambda kind: ["a GPU"])
    monkeypatch.setattr(fit.tf.config.experimental, "get_device_details", lambda device: details)
    assert fit.fastest_precision() == expected


def test_float32_is_float32_on_a_gpu_too():
    assert not fit.tf.config.experimental.tensor_float_32_execution_enabled()


@pytest.fixture(scope="module")
def weights_of():
    """A function that returns a small CNN's weights after an epoch, given changes of its recipe."""
    plain = {
        **{"filters": [4], "kernel_size": 3, "padding": "same", "pool_after": [1]},
        **{"batch_normalization": True, "conv_dropout_rate": 0.0, "dropout_rate": 0.0},
        **{"head": "global_average_pooling", "dense_units": []},
    }

    @functools.cache
    def trained(**changes) -> np.ndarray:
        recipe = CNN(**{**plain, **RECIPE, "flip": False, **changes})
        settings = TRAIN.model_copy(update={"epochs": 1})
        fit.prepare(settings)
        model = cnn.build(recipe, SPEC)
        fit.fit(model, TRAINING, VALIDATION, settings, recipe)
        return np.concatenate([weights.ravel() for weights in model.get_weights()])

    return trained


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        *({"optimizer": "muon"}, {"weight_decay": 0.1}, {"label_smoothing": 0.1}, {"flip": True}),
        *({"schedule": "linear"}, {"schedule": "constant"}, {"learning_rate": 0.02}),
        *({"dropout_rate": 0.2}, {"conv_dropout_rate": 0.2}),
    ],
    ids=str,
)
def test_every_key_of_the_recipe_has_an_effect(weights_of, change):
    assert not np.allclose(weights_of(**change), weights_of(), atol=1e-6)


def test_cosine_schedule_rises_for_a_fifth_and_ends_at_zero():
    schedule = fit._learning_rate(MLP_RECIPE, steps=10)
    assert [float(schedule(step)) for step in (0, 2, 6, 10)] == pytest.approx([0, 0.01, 0.005, 0])


def test_linear_schedule_starts_at_the_learning_rate_and_ends_at_zero():
    schedule = fit._learning_rate(MLP_RECIPE.model_copy(update={"schedule": "linear"}), steps=10)
    assert [float(schedule(step)) for step in (0, 5, 10)] == pytest.approx([0.01, 0.005, 0])
