"""Heads that learn from features: cross-validation by groups, thresholds, curve, doubles."""

import numpy as np
import pytest

from fashion_mnist.params.head import Train
from fashion_mnist.teaching import curve, doubles, fit, suspects
from fashion_mnist.teaching.fit import Examples

SETTINGS = Train(
    regularization=0.01, references=40, sure_accuracy=0.95, unknown_share=0.05, folds=5, seed=0
)
UNITS = 30


def made_examples(count: int, classes: int = 3, noise: float = 0.5, seed: int = 0) -> Examples:
    """Return examples around a centre for each class, each alone in its group."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    centres = np.random.default_rng(9).random((classes, UNITS))
    features = np.abs(centres[labels] + noise * rng.normal(size=(count, UNITS)))
    return Examples(features.astype(np.float32), labels, np.arange(count))


def taught(examples: Examples, classes: int = 3):
    checked = fit.cross_validate(examples, classes, SETTINGS)
    names = [str(label) for label in range(classes)]
    head = fit.fit(examples, names, checked, SETTINGS, item="item", other=None, backbone="network")
    return head, checked


@pytest.mark.parametrize("classes", [2, 3])
def test_a_head_learns_what_can_be_learned_and_knows_new_examples(classes):
    head, checked = taught(made_examples(60, classes, noise=0.1), classes)
    assert (checked.predicted == np.arange(60) % classes).mean() > 0.9
    new = made_examples(30, classes, noise=0.1, seed=1)
    probabilities, similarities = head(new.features)
    assert (probabilities.argmax(axis=1) == new.labels).mean() > 0.9
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (similarities >= head.info.known_from).mean() > 0.7
    assert head.info.pictures == 60


def test_answers_come_from_heads_that_did_not_learn_from_the_group():
    """Labels are random, so only who has seen a copy of the picture can know them."""
    rng = np.random.default_rng(0)
    features = np.repeat(rng.random((40, UNITS)), 2, axis=0).astype(np.float32)
    labels = np.repeat(rng.integers(0, 2, 40), 2)
    weak = SETTINGS.model_copy(update={"regularization": 100.0})
    alone = Examples(features, labels, np.arange(80))
    together = Examples(features, labels, np.repeat(np.arange(40), 2))
    leaked = fit.cross_validate(alone, 2, weak).predicted == labels
    honest = fit.cross_validate(together, 2, weak).predicted == labels
    assert leaked.mean() > 0.8
    assert honest.mean() < 0.7


def test_a_class_in_a_single_group_is_never_answered_before_it_is_learned():
    examples = made_examples(30)
    groups = np.where(examples.labels == 2, 99, examples.groups)
    checked = fit.cross_validate(examples._replace(groups=groups), 3, SETTINGS)
    assert (checked.probabilities[examples.labels == 2, 2] == 0).all()
    np.testing.assert_allclose(checked.probabilities.sum(axis=1), 1, rtol=1e-5)


def test_classes_count_alike_whatever_their_size():
    examples = made_examples(300, 2, noise=0.6)
    few = examples.take(np.flatnonzero((examples.labels == 0) | (np.arange(300) < 20)))
    asked = made_examples(200, 2, noise=0.6, seed=5)
    predicted = fit.classify(few, asked.features, 2, SETTINGS).argmax(axis=1)
    recalls = [(predicted[asked.labels == label] == label).mean() for label in (0, 1)]
    assert min(recalls) > 0.6


def test_sure_answers_are_right_as_often_as_asked():
    probabilities = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    right = np.array([True, True, True, False, True])
    assert fit.sure_from(probabilities, right, 1.0) == 0.7
    assert fit.sure_from(probabilities, right, 0.8) == 0.5
    assert fit.sure_from(probabilities, ~right, 0.9) == 1.0


def test_fewer_pictures_make_poorer_heads_and_the_last_point_is_the_cross_validation():
    examples = made_examples(240, noise=0.8)
    checked = fit.cross_validate(examples, 3, SETTINGS)
    points = curve.learning_curve(examples, 3, checked, SETTINGS)
    assert [point.pictures for point in points] == [24, 48, 96, 192]
    assert points[0].accuracy < points[-1].accuracy
    assert points[-1].accuracy == (checked.predicted == examples.labels).mean()


def test_the_error_of_twice_as_many_pictures_lies_on_the_power_law():
    points = [curve.Point(count, 1 - 2 * count**-0.5) for count in (25, 50, 100, 200)]
    assert curve.with_twice_as_many(points) == pytest.approx(1 - 2 * 400**-0.5)
    assert curve.with_twice_as_many([curve.Point(count, 0.8) for count in (25, 50)]) is None
    assert curve.with_twice_as_many([curve.Point(count, 1.0) for count in (25, 50)]) is None


def test_a_wrong_label_is_found():
    examples = made_examples(90, noise=0.1)
    labels = examples.labels.copy()
    labels[7] = (labels[7] + 1) % 3
    checked = fit.cross_validate(examples._replace(labels=labels), 3, SETTINGS)
    assert suspects.mislabelled(checked.probabilities, labels)[0] == 7


def test_the_same_bytes_are_a_contradiction_under_two_labels_and_a_repetition_under_one():
    sha256 = ["a", "b", "a", "c", "c"]
    labels = np.array([0, 0, 1, 2, 2])
    assert doubles.contradictions(sha256, labels).tolist() == [0, 2]
    assert doubles.repeated(sha256).tolist() == [2, 4]


def test_pictures_that_look_alike_belong_together(monkeypatch):
    monkeypatch.setattr(doubles, "ROWS", 2)
    features = np.random.default_rng(0).random((7, UNITS)).astype(np.float32)
    features[5] = 2 * features[1]
    features[6] = features[5] + 0.001
    thumbnails = np.random.default_rng(1).integers(0, 256, (7, 192)).astype(np.uint8)
    thumbnails[5:] = thumbnails[1] - (thumbnails[1] > 9)
    pairs = doubles.look_alikes(features, thumbnails)
    features[2:4] = features[0]  # alike for the network, but other pictures
    assert pairs.tolist() == [[1, 5], [1, 6], [5, 6]]
    groups = doubles.together(pairs, 7)
    assert groups[1] == groups[5] == groups[6]
    assert len(set(groups.tolist())) == 5
