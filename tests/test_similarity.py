import numpy as np
import pytest

from fashion_mnist.errors import InputError
from fashion_mnist.inference import similarity


def index(features: list) -> similarity.Index:
    vectors = similarity.unit_length(np.array(features, np.float32))
    count = len(vectors)
    return similarity.Index(vectors, np.zeros((count, 28, 28), np.uint8), np.zeros(count, np.uint8))


def test_the_nearest_are_found_by_angle_and_come_in_order():
    found, cosines = index([[0, 5], [9, 9], [1, 0], [-1, 0]]).nearest(np.array([2.0, 0.1]), 3)
    assert found.tolist() == [2, 1, 0]
    assert cosines == pytest.approx([0.99875, 0.74156, 0.04994], abs=1e-4)


def test_a_count_above_all_gives_all_and_features_of_zero_give_no_nan():
    found, cosines = index([[0, 1], [0, 0]]).nearest(np.zeros(2), 10)
    assert len(found) == 2
    assert cosines.tolist() == [0, 0]


def test_a_saved_index_loads_as_it_was_and_a_damaged_one_is_named(tmp_path):
    kept, model = index([[3, 4]]), tmp_path / "cnn.onnx"
    model.write_bytes(b"one model")
    similarity.save(kept, tmp_path, model)
    assert similarity.Index.load(tmp_path, model).features.tolist() == kept.features.tolist()
    np.save(tmp_path / "labels.npy", np.zeros(2, np.uint8))
    with pytest.raises(InputError, match="files that do not fit together"):
        similarity.Index.load(tmp_path, model)
    (tmp_path / "features.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match="not a whole index"):
        similarity.Index.load(tmp_path, model)
    (tmp_path / "features.npy").unlink()
    with pytest.raises(InputError, match=r"features.npy: not found; .*dvc repro similar_items"):
        similarity.Index.load(tmp_path, model)


def test_an_index_of_another_model_is_refused(tmp_path):
    model = tmp_path / "cnn.onnx"
    model.write_bytes(b"one model")
    similarity.save(index([[3, 4]]), tmp_path, model)
    model.write_bytes(b"another model")
    with pytest.raises(InputError, match=r"features of another model than .*cnn\.onnx"):
        similarity.Index.load(tmp_path, model)
