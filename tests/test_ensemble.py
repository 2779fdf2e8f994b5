"""Networks that learn side by side."""

import numpy as np
import pytest
from conftest import SPEC
from test_cnn import cnn_params
from test_fit import TRAIN, TRAINING, VALIDATION

from fashion_mnist.training import cnn, ensemble, fit
from fashion_mnist.training.prediction import predict
from fashion_mnist.training.tf_keras import keras

RECIPE = cnn_params(filters=[4, 8], pool_after=[1, 2])


def member(model: keras.Model, number: int) -> keras.Model:
    return keras.Model(model.input, ensemble.members(model)[number])


def test_a_member_learns_as_if_it_were_alone():
    fit.prepare(TRAIN)
    few_steps = TRAIN.model_copy(update={"batch_size": 100})
    together = cnn.build(RECIPE.model_copy(update={"members": 2}), SPEC)
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


def test_the_model_answers_with_the_mean_and_its_accuracy_is_that_of_the_mean():
    fit.prepare(TRAIN)
    model = cnn.build(RECIPE.model_copy(update={"members": 3}), SPEC)
    history = fit.fit(model, TRAINING, VALIDATION, TRAIN, RECIPE)
    each = [predict(member(model, number), VALIDATION.images) for number in range(3)]
    mean = np.mean(each, axis=0)
    np.testing.assert_allclose(predict(model, VALIDATION.images), mean, atol=1e-6)
    right = (mean.argmax(axis=1) == VALIDATION.labels).mean()
    assert history["val_accuracy"].iloc[-1] == pytest.approx(right, abs=1e-5)
    assert right != (each[0].argmax(axis=1) == VALIDATION.labels).mean()
