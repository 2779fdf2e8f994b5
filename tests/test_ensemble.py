"""Networks that learn side by side."""

import numpy as np
import pytest
from conftest import SPEC
from test_cnn import cnn_params
from test_fit import TRAIN, TRAINING, VALIDATION

from fashion_mnist.training import activations, cnn, ensemble, fit, model_file
from fashion_mnist.training.prediction import predict
from fashion_mnist.training.tf_keras import keras, tf

RECIPE = cnn_params(filters=[4, 8], pool_after=[1, 2])
OF_TWO = RECIPE.model_copy(update={"members": 2})


def member(model: keras.Model, number: int) -> keras.Model:
    return keras.Model(model.input, ensemble.softmaxes(model)[number].output)


def test_a_member_learns_as_if_it_were_alone():
    fit.prepare(TRAIN)
    few_steps = TRAIN.model_copy(update={"batch_size": 100})
    together = cnn.build(OF_TWO, SPEC)
    initial = [member(together, number).get_weights() for number in (0, 1)]
    history = fit.fit(together, TRAINING, VALIDATION, few_steps, RECIPE)
    losses = []
    for number, weights in enumerate(initial):
        alone = cnn.build(RECIPE, SPEC)
        alone.set_weights(weights)
        losses.append(fit.fit(alone, TRAINING, VALIDATION, few_steps, RECIPE)["val_loss"])
        learned = member(together, number).get_weights()
        for one, other in zip(alone.get_weights(), learned, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-2)
    assert not np.allclose(*(weights[0] for weights in initial))
    np.testing.assert_allclose(history["val_loss"], np.mean(losses, axis=0), atol=1e-3)


def test_members_learn_from_what_they_are_sure_and_wrong_about():
    """A probability of 0 has no logarithm, but a logit has a gradient."""
    logits = tf.Variable([[[40.0, 0.0], [0.0, 0.0]]])
    model = cnn.build(OF_TWO, SPEC)
    _, loss, _ = ensemble.learner(model, 0.0)
    with tf.GradientTape() as tape:
        value = loss(tf.constant([[0.0, 1.0]]), logits)
    assert float(value) == pytest.approx((40 + np.log(2)) / 2)
    expected = [[[0.5, -0.5], [0.25, -0.25]]]
    np.testing.assert_allclose(tape.gradient(value, logits), expected, atol=1e-6)


def test_the_accuracy_is_that_of_the_mean():
    """The first image's mean is right though its first member is wrong, the second's is wrong."""
    *_, accuracy = ensemble.learner(cnn.build(OF_TWO, SPEC), 0.0)
    labels = tf.constant([[1.0, 0.0], [1.0, 0.0]])
    logits = tf.constant([[[0.0, 1.0], [5.0, 0.0]], [[1.0, 0.0], [0.0, 5.0]]])
    accuracy.update_state(labels, logits)
    assert float(accuracy.result()) == 0.5


def test_the_model_answers_with_the_mean_and_shows_its_first_member(tmp_path):
    fit.prepare(TRAIN)
    model = cnn.build(RECIPE.model_copy(update={"members": 3}), SPEC)
    history = fit.fit(model, TRAINING, VALIDATION, TRAIN, RECIPE)
    each = [predict(member(model, number), VALIDATION.images) for number in range(3)]
    mean = np.mean(each, axis=0)
    right = (mean.argmax(axis=1) == VALIDATION.labels).mean()
    assert history["val_accuracy"].iloc[-1] == pytest.approx(right, abs=1e-5)
    model_file.save(model, tmp_path / "cnn.keras")
    loaded = model_file.load(tmp_path / "cnn.keras", SPEC)
    np.testing.assert_allclose(predict(loaded, VALIDATION.images), mean, atol=1e-6)
    first = ensemble.first(loaded)
    np.testing.assert_allclose(predict(first, VALIDATION.images), each[0], atol=1e-6)
    assert activations.relu_layers(first) == ["relu1", "relu2"]
    assert ensemble.first(first) is first
