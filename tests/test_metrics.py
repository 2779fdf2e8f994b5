import numpy as np
import pandas as pd
import pytest
from conftest import SPEC
from sklearn.metrics import log_loss, precision_recall_fscore_support

from fashion_mnist.evaluation import metrics


def right_answers(right: int, count: int) -> np.ndarray:
    return np.arange(count) < right


def predictions_table(confidences: list[float], right: list[bool]) -> pd.DataFrame:
    """Return predictions of Bags whose wrong ones are Coats."""
    return metrics.with_classes(
        pd.DataFrame(
            {
                "actual": "Bag",
                "predicted": np.where(right, "Bag", "Coat"),
                "probability": confidences,
                "actual_probability": confidences,
            }
        ),
        SPEC.classes,
    )


@pytest.fixture
def many() -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels of 500 images."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 500).astype(np.uint8)
    return rng.dirichlet(np.ones(10), 500).astype(np.float32), labels


def test_the_accuracy_interval_is_the_published_example():
    # 81 of 263: Newcombe, Statistics in Medicine 17 (1998), page 862, Wilson's score method.
    found = metrics.accuracy_interval(right_answers(81, 263))
    assert found == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_the_accuracy_interval_of_perfection_is_not_a_point():
    low, high = metrics.accuracy_interval(right_answers(100, 100))
    assert high == 1
    assert 0.95 < low < 0.97


def test_the_expected_calibration_error_by_hand():
    table = predictions_table([0.95, 0.85, 0.55, 0.55], [True, False, True, False])
    # In bins of a fifteenth: |1 - 0.95|, |0 - 0.85|, |1 - 1.1|, of four images.
    assert metrics.measure(table)["expected_calibration_error"] == pytest.approx(1.0 / 4)


def test_a_certain_prediction_falls_into_the_last_bin():
    table = predictions_table([1.0] * 3, [True] * 3)
    assert metrics.measure(table)["expected_calibration_error"] == 0


def test_metrics_are_those_of_scikit_learn(many):
    probabilities, labels = many
    table = metrics.predictions(probabilities, labels, SPEC.classes)
    found = metrics.measure(table)
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, probabilities.argmax(axis=1)
    )
    assert found["accuracy"] == pytest.approx((probabilities.argmax(axis=1) == labels).mean())
    assert found["loss"] == pytest.approx(log_loss(labels, probabilities), rel=1e-5)
    assert found["macro_f1"] == pytest.approx(f1.mean())
    for name, expected in {
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "support": support,
    }.items():
        np.testing.assert_allclose(found[name], [expected])


def test_weights_count_images_more_than_once_or_not_at_all(many):
    table = metrics.predictions(*many, SPEC.classes)
    weights = np.random.default_rng(1).integers(0, 4, (2, len(table)))
    weighted = metrics.measure(table, weights)
    for row, counts in enumerate(weights):
        repeated = metrics.measure(table.loc[table.index.repeat(counts)])
        for name, (expected,) in repeated.items():
            np.testing.assert_allclose(weighted[name][row], expected, err_msg=name)


def test_a_file_of_predictions_gives_nearly_the_same_metrics(many):
    table = metrics.predictions(*many, SPEC.classes)
    in_file = metrics.rounded(table).astype({"actual_probability": float})
    expected = metrics.measure(table)
    for name, value in metrics.measure(in_file).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-3, err_msg=name)


def test_a_comparison_by_hand():
    # Of 100 images, 10 are right only now, 2 only at the base, 88 in both.
    base_right, right = ~right_answers(10, 100), right_answers(98, 100)
    result = metrics.compare(base_right, right)
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
    result = metrics.compare(right_answers(90, 100), right_answers(90, 100))
    assert result["mcnemar_p"] == 1
    assert result["accuracy_difference_low"] < 0 < result["accuracy_difference_high"]


def test_summary_and_classes_by_hand():
    labels = np.array([0, 0, 0, 1], np.uint8)
    probabilities = np.full((4, 10), 0.05, np.float32)
    probabilities[[0, 1, 2, 3], [0, 0, 1, 1]] = 0.55
    table = metrics.predictions(probabilities, labels, SPEC.classes)
    summary, classes = metrics.summarize(table), metrics.by_class(table)
    assert summary["accuracy"] == 0.75
    assert summary["accuracy_low"] < 0.75 < summary["accuracy_high"]
    assert summary["loss"] == pytest.approx(-(3 * np.log(0.55) + np.log(0.05)) / 4, rel=1e-6)
    assert list(classes) == SPEC.classes
    assert classes["T-shirt/top"] == {
        "precision": 1.0,
        "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(0.8),
        "support": 3,
    }
    assert classes["Trouser"]["precision"] == 0.5
    assert classes["Trouser"]["recall"] == 1.0
    assert classes["Bag"] == {"precision": 0, "recall": 0, "f1": 0, "support": 0}


def test_decisions_count_only_sure_answers():
    table = predictions_table([0.9, 0.5, 0.4, 0.3], [True, False, True, True])
    assert metrics.decisions(table, 0.5) == {"sure_share": 0.5, "sure_accuracy": 0.5}
    assert metrics.decisions(table, 1.0) == {"sure_share": 0.0, "sure_accuracy": 0.0}


def test_the_mean_interval_by_hand():
    found = metrics.mean_interval(np.array([0.0, 1.0, 1.0, 0.0]))
    margin = 1.959964 * 0.5 / 2
    assert found == pytest.approx({"mean": 0.5, "low": 0.5 - margin, "high": 0.5 + margin})


def test_the_confusion_matrix_has_actual_classes_in_rows():
    probabilities = np.eye(10)[[3, 7]]  # Dress, Sneaker
    table = metrics.predictions(probabilities, np.array([3, 3], np.uint8), SPEC.classes)
    counts = metrics.confusion(table)
    assert counts.shape == (10, 10)
    assert counts[3, 7] == 1
    assert counts.sum() == 2


def test_predictions_keep_the_order_of_the_images_and_are_rounded_for_files_alone():
    probabilities = np.array([[0.1, 0.7, 0.2] + [0] * 7, [1 / 3, 1 / 7, 0] + [0] * 7], np.float32)
    table = metrics.predictions(probabilities, np.array([1, 1], np.uint8), SPEC.classes)
    assert table["actual"].tolist() == ["Trouser", "Trouser"]
    assert table["predicted"].tolist() == ["Trouser", "T-shirt/top"]
    assert table["probability"].tolist() == pytest.approx([0.7, 1 / 3], rel=1e-7)
    assert table["actual_probability"].tolist() == pytest.approx([0.7, 1 / 7], rel=1e-7)
    in_file = metrics.rounded(table)
    assert in_file["probability"].tolist() == pytest.approx([0.7, 0.3333], rel=1e-7)
    assert in_file["actual_probability"].tolist() == ["0.7", "0.1429"]


def test_the_most_confident_mistakes_come_first_and_right_answers_are_none():
    table = predictions_table([0.6, 0.9, 0.8, 0.7], [False, True, False, False])
    assert metrics.most_confident_mistakes(table).tolist() == [2, 3, 0]
