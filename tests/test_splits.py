import contextlib
import gzip

import numpy as np
import pytest
from conftest import idx, made_images

from fashion_mnist import dataset
from fashion_mnist.errors import InputError


@pytest.fixture
def pair(tmp_path):
    """Paths of a sound pair of IDX files with 20 images."""
    images, labels = made_images(20, seed=0)
    images_path, labels_path = tmp_path / "images.gz", tmp_path / "labels.gz"
    images_path.write_bytes(idx(images))
    labels_path.write_bytes(idx(labels))
    return images_path, labels_path


def test_read_split_scales_and_reshapes(pair):
    split = dataset.read_split(*pair)
    images, labels = made_images(20, seed=0)
    assert split.images.shape == (20, 28, 28, 1)
    assert split.images.dtype == np.float32
    np.testing.assert_array_equal(split.images[..., 0], images.astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(split.labels, labels)


def recompressed(change):
    return lambda path: path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()))))


@pytest.mark.parametrize(
    ("which", "spoil", "complaint"),
    [
        (0, lambda path: path.unlink(), "not found"),
        (0, lambda path: path.write_bytes(b"not gzip at all"), "corrupt gzip"),
        (0, lambda path: path.write_bytes(path.read_bytes()[:-9]), "corrupt gzip"),
        (0, lambda path: path.write_bytes(b""), "expected 00000803"),
        (
            0,
            recompressed(lambda content: b"\0\0\x08\x01" + content[4:]),
            "00000801, expected 00000803",
        ),
        (0, recompressed(lambda content: content[:10]), "10 bytes, expected 16 of header"),
        (0, recompressed(lambda content: content[:-1]), "15695 bytes, expected 15696 for 20 items"),
        (0, recompressed(lambda content: content + b"\0"), "15697 bytes"),
        (
            0,
            lambda path: path.write_bytes(idx(np.zeros((20, 32, 32)))),
            "images of (32, 32) pixels",
        ),
        (0, lambda path: path.write_bytes(idx(np.zeros((0, 28, 28)))), "0 items"),
        (1, lambda path: path.write_bytes(idx(np.zeros(19))), "19 labels, but 20 images"),
        (1, lambda path: path.write_bytes(idx(np.full(20, 10))), "label 10 found; expected 0 to 9"),
        (
            1,
            lambda path: path.write_bytes(idx(np.zeros((20, 28, 28)))),
            "00000803, expected 00000801",
        ),
    ],
)
def test_read_split_names_the_file_and_what_is_wrong(pair, which, spoil, complaint):
    spoil(pair[which])
    with pytest.raises(InputError) as caught:
        dataset.read_split(*pair)
    assert str(pair[which]) in str(caught.value)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


LABELS = np.repeat(np.arange(10, dtype=np.uint8), 60)


def test_split_validation_is_balanced_disjoint_complete_and_seeded():
    train, validation = dataset.split_validation(LABELS, 50, None, seed=0)
    assert sorted([*train, *validation]) == list(range(600))
    assert set(np.bincount(LABELS[validation])) == {5}
    again = dataset.split_validation(LABELS, 50, None, seed=0)
    np.testing.assert_array_equal(validation, again[1])
    other = dataset.split_validation(LABELS, 50, None, seed=1)
    assert not np.array_equal(validation, other[1])


def test_a_smaller_training_set_keeps_the_validation_images():
    train, validation = dataset.split_validation(LABELS, 50, 100, seed=0)
    full_train, full_validation = dataset.split_validation(LABELS, 50, None, seed=0)
    assert set(np.bincount(LABELS[train])) == {10}
    assert set(train) < set(full_train)
    np.testing.assert_array_equal(validation, full_validation)


@pytest.mark.parametrize(("validation_size", "train_size"), [(600, None), (50, 560)])
def test_split_validation_refuses_more_than_there_is(validation_size, train_size):
    with pytest.raises(InputError, match=r"T-shirt/top has 60"):
        dataset.split_validation(LABELS, validation_size, train_size, seed=0)


def test_saved_splits_load_as_they_were_without_being_read_into_memory(tmp_path, pair):
    split = dataset.read_split(*pair)
    dataset.save({tmp_path / "split": split})
    loaded = dataset.load(tmp_path / "split")
    assert isinstance(loaded.images, np.memmap)
    np.testing.assert_array_equal(loaded.images, split.images)
    np.testing.assert_array_equal(loaded.labels, split.labels)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda folder: (folder / "labels.npy").unlink(), "labels.npy: not found"),
        (lambda folder: (folder / "images.npy").write_bytes(b"\x93NUMPY"), "not a whole .npy file"),
        (lambda folder: np.save(folder / "labels.npy", np.zeros(3, np.uint8)), "expected float32"),
        (
            lambda folder: np.save(folder / "labels.npy", np.zeros((20, 1), np.uint8)),
            "expected float",
        ),
        (
            lambda folder: np.save(folder / "labels.npy", np.full(20, 10, np.uint8)),
            r"labels\.npy: label 10 found, expected 0 to 9; .* normalize`",
        ),
    ],
)
def test_load_names_what_is_wrong(tmp_path, pair, spoil, complaint):
    dataset.save({tmp_path: dataset.read_split(*pair)})
    spoil(tmp_path)
    with pytest.raises(InputError, match=complaint):
        dataset.load(tmp_path)


def test_a_damaged_head_of_a_file_raises_nothing_but_input_errors(tmp_path, pair):
    dataset.save({tmp_path: dataset.read_split(*pair)})
    sound = (tmp_path / "labels.npy").read_bytes()
    for place in range(128):
        for value in (0, 10, 39, 40, 123, 255):
            damaged = bytearray(sound)
            damaged[place] = value
            (tmp_path / "labels.npy").write_bytes(damaged)
            with contextlib.suppress(InputError):
                dataset.load(tmp_path)


def test_splits_take_their_names_together(tmp_path, pair):
    split = dataset.read_split(*pair)
    dataset.save({tmp_path / "train": split})
    before = (tmp_path / "train" / "images.npy").read_bytes()

    class Unwritable:
        def __reduce__(self) -> str:
            raise OSError("disk full")

    unwritable = split._replace(labels=np.array([Unwritable()]))  # np.save pickles it
    darker = split._replace(images=split.images / 2)
    with pytest.raises(InputError, match=r"labels.npy: not written \(disk full\)"):
        dataset.save({tmp_path / "train": darker, tmp_path / "test": unwritable})
    assert (tmp_path / "train" / "images.npy").read_bytes() == before
    assert {path.name for path in tmp_path.rglob("*.npy")} == {"images.npy", "labels.npy"}


def test_count_by_class_counts_absent_classes_too():
    counts = dataset.count_by_class(np.array([0, 0, 9], np.uint8))
    assert counts["T-shirt/top"] == 2
    assert counts["Ankle boot"] == 1
    assert counts["Bag"] == 0
