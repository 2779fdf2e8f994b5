import numpy as np
import pytest

from fashion_mnist import similarity
from fashion_mnist.errors import InputError


def index(features: list) -> similarity.Index:
    vectors = similarity.unit_length(np.array(features, np.float32))
    count = len(vectors)
    return similarity.Index(vectors, np.zeros((count, 28, 28), np.uint8), np.zeros(count, np.uint8))


def test_nearest_are_by_angle_not_length_and_in_order():
    found, cosines = index([[0, 5], [9, 9], [1, 0], [-1, 0]]).nearest(np.array([2.0, 0.1]), 3)
    assert found.tolist() == [2, 1, 0]
    assert cosines == pytest.approx([0.99875, 0.74156, 0.04994], abs=1e-4)


def test_more_than_there_are_gives_all_and_no_feature_gives_no_nan():
    found, cosines = index([[0, 1], [0, 0]]).nearest(np.zeros(2), 10)
    assert len(found) == 2
    assert cosines.tolist() == [0, 0]


def test_retrieval_by_hand():
    gallery = np.array([[1, 0], [1, 0.1], [1, 0.5], [0, 1]], np.float32)
    found = similarity.retrieval(
        gallery, np.array([0, 1, 0, 1]), np.array([[1, 0], [0, 1]], np.float32), np.array([0, 0])
    )
    # First query: ranks 1 and 3 are relevant; second: ranks 2 and 4.
    assert found["precision_at_1"].tolist() == [1, 0]
    assert found["average_precision"] == pytest.approx([(1 + 2 / 3) / 2, (1 / 2 + 2 / 4) / 2])


def test_precision_at_10_looks_at_ten():
    gallery = np.array([[1, position / 100] for position in range(20)], np.float32)
    labels = (np.arange(20) >= 4).astype(int)
    found = similarity.retrieval(gallery, labels, np.array([[1, 0]], np.float32), np.array([0]))
    assert found["precision_at_10"].tolist() == [0.4]


def test_an_index_survives_its_files_and_a_damaged_one_is_named(tmp_path):
    kept, network = index([[3, 4]]), tmp_path / "cnn.onnx"
    network.write_bytes(b"one network")
    similarity.save(kept, tmp_path, network)
    assert similarity.Index.load(tmp_path, network).features.tolist() == kept.features.tolist()
    (tmp_path / "features.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match="not a whole index"):
        similarity.Index.load(tmp_path, network)
    (tmp_path / "features.npy").unlink()
    with pytest.raises(InputError, match=r"features.npy: not found; .*dvc repro similar_items"):
        similarity.Index.load(tmp_path, network)


def test_an_index_of_another_network_is_refused(tmp_path):
    network = tmp_path / "cnn.onnx"
    network.write_bytes(b"one network")
    similarity.save(index([[3, 4]]), tmp_path, network)
    network.write_bytes(b"another network")
    with pytest.raises(InputError, match=r"features of another network than .*cnn\.onnx"):
        similarity.Index.load(tmp_path, network)
