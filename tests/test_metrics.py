import numpy as np
import pytest

from fashion_mnist import metrics


def correct(right: int, count: int) -> np.ndarray:
    return np.arange(count) < right


def test_accuracy_interval_is_the_published_example():
    # 81 of 263: Newcombe, Statistics in Medicine 17 (1998), page 862, Wilson's score method.
    assert metrics.accuracy_interval(correct(81, 263)) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_accuracy_interval_of_perfection_is_not_a_point():
    low, high = metrics.accuracy_interval(correct(100, 100))
    assert high == 1
    assert 0.95 < low < 0.97


def test_expected_calibration_error_by_hand():
    confidences = np.array([0.95, 0.85, 0.55, 0.55])
    right = np.array([True, False, True, False])
    # Bins of a fifteenth: |1 - 0.95|, |0 - 0.85|, |1 - 1.1|, each a share of four images.
    assert metrics.expected_calibration_error(confidences, right) == pytest.approx(1.0 / 4)


def test_a_certain_prediction_falls_into_the_last_bin():
    assert metrics.expected_calibration_error(np.ones(3), np.ones(3, bool)) == 0


def test_compare_by_hand():
    # 10 images that only the first gets right, 2 only the second, 88 both.
    first, second = correct(98, 100), ~correct(10, 100)
    result = metrics.compare(first, second)
    assert result["gained"] == 10
    assert result["lost"] == 2
    assert result["accuracy_difference"] == pytest.approx(0.08)
    # Two-sided: 2 * (1 + 12 + 66) / 2 ** 12.
    assert result["mcnemar_p"] == pytest.approx(2 * 79 / 4096)
    # Agresti and Min: 8 / 102 with the variance (13 / 102 - (8 / 102) ** 2) / 102.
    margin = 1.959964 * np.sqrt((13 / 102 - (8 / 102) ** 2) / 102)
    assert result["accuracy_difference_low"] == pytest.approx(8 / 102 - margin)
    assert result["accuracy_difference_high"] == pytest.approx(8 / 102 + margin)


def test_a_model_does_not_differ_from_itself():
    result = metrics.compare(correct(90, 100), correct(90, 100))
    assert result["mcnemar_p"] == 1
    assert result["accuracy_difference_low"] < 0 < result["accuracy_difference_high"]


def test_evaluate_counts_by_class():
    labels = np.array([0, 0, 0, 1], np.uint8)
    probabilities = np.full((4, 10), 0.05, np.float32)
    probabilities[[0, 1, 2, 3], [0, 0, 1, 1]] = 0.55
    report = metrics.evaluate(probabilities, labels)
    assert report["accuracy"] == 0.75
    assert report["accuracy_low"] < 0.75 < report["accuracy_high"]
    assert report["loss"] == pytest.approx(-(3 * np.log(0.55) + np.log(0.05)) / 4, rel=1e-6)
    shirt, trouser = report["classes"]["T-shirt/top"], report["classes"]["Trouser"]
    assert shirt == {"precision": 1.0, "recall": pytest.approx(2 / 3), "f1": 0.8, "support": 3}
    assert trouser["precision"] == 0.5
    assert trouser["recall"] == 1.0
    assert report["classes"]["Bag"]["support"] == 0


def test_confusion_has_true_classes_in_rows():
    counts = metrics.confusion(np.array([3, 3]), np.array([3, 7]))
    assert counts.shape == (10, 10)
    assert counts[3, 7] == 1
    assert counts.sum() == 2


def test_predictions_are_in_test_order_with_class_names():
    probabilities = np.array([[0.1, 0.7, 0.2] + [0] * 7, [0.9, 0.1, 0] + [0] * 7], np.float32)
    table = metrics.predictions(probabilities, np.array([1, 2], np.uint8))
    assert table["actual"].tolist() == ["Trouser", "Pullover"]
    assert table["predicted"].tolist() == ["Trouser", "T-shirt/top"]
    assert table["probability"].tolist() == pytest.approx([0.7, 0.9])
    assert table["actual_probability"].tolist() == ["0.7", "0"]


def test_most_confident_mistakes_come_first_and_right_ones_not_at_all():
    probabilities = np.array([[0.6, 0.4], [0.1, 0.9], [0.8, 0.2], [0.7, 0.3]], np.float32)
    mistakes = metrics.most_confident_mistakes(probabilities, np.array([1, 1, 1, 1]))
    assert mistakes.tolist() == [2, 3, 0]
