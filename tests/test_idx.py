import gzip

import numpy as np
import pytest
from conftest import SPEC, gzipped_idx, made_images

from fashion_mnist import memory
from fashion_mnist.dataset import idx
from fashion_mnist.errors import InputError


@pytest.fixture
def pair(tmp_path):
    """Paths of a sound pair of files with 20 images."""
    images, labels = made_images(20, seed=0)
    images_path, labels_path = (tmp_path / name for name in idx.TEST)
    images_path.write_bytes(gzipped_idx(images))
    labels_path.write_bytes(gzipped_idx(labels))
    return images_path, labels_path


def test_images_are_scaled_and_reshaped(pair):
    split = idx.read_split(pair[0].parent, idx.TEST, SPEC)
    images, labels = made_images(20, seed=0)
    assert split.images.shape == (20, 28, 28, 1)
    assert split.images.dtype == np.float32
    np.testing.assert_array_equal(split.images[..., 0], images.astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(split.labels, labels)
    assert split.spec == SPEC


def test_images_that_do_not_fit_into_the_memory_are_named(pair, monkeypatch):
    monkeypatch.setattr(memory, "free", lambda: 20 * 784 * 8 - 1)
    with pytest.raises(
        InputError, match=r"images-idx3-ubyte.gz: a split of 20 images needs at least 0 MB"
    ):
        idx.read_split(pair[0].parent, idx.TEST, SPEC)


def recompressed(change):
    return lambda path: path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()))))


def replaced(array):
    return lambda path: path.write_bytes(gzipped_idx(array))


@pytest.mark.parametrize(
    ("which", "spoil", "complaint"),
    [
        (0, lambda path: path.unlink(), "not found"),
        (0, lambda path: path.write_bytes(b"not gzip at all"), "corrupt gzip"),
        (0, lambda path: path.write_bytes(path.read_bytes()[:-9]), "corrupt gzip"),
        (0, lambda path: path.write_bytes(b""), "magic number missing, expected 00000803"),
        (
            0,
            recompressed(lambda content: b"\0\0\x08\x01" + content[4:]),
            "00000801, expected 00000803",
        ),
        (0, recompressed(lambda content: content[:10]), "10 bytes, expected 16 of header"),
        (0, recompressed(lambda content: content[:-1]), "15695 bytes, expected 15696 for 20 items"),
        (0, recompressed(lambda content: content + b"\0"), "15697 bytes"),
        (0, replaced(np.zeros((20, 32, 32))), "images of (32, 32) pixels, expected (28, 28)"),
        (0, replaced(np.zeros((0, 28, 28))), "0 items"),
        (1, replaced(np.zeros(19)), "19 labels, but 20 images"),
        (1, replaced(np.full(20, 10)), "label 10 found, expected 0 to 9"),
        (1, replaced(np.zeros((20, 28, 28))), "00000803, expected 00000801"),
    ],
)
def test_an_error_names_the_file_and_what_is_wrong(pair, which, spoil, complaint):
    spoil(pair[which])
    with pytest.raises(InputError) as caught:
        idx.read_split(pair[0].parent, idx.TEST, SPEC)
    assert str(pair[which]) in str(caught.value)
    assert complaint in str(caught.value)
