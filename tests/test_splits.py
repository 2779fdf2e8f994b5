import contextlib

import numpy as np
import pytest
from conftest import made_images

from fashion_mnist.dataset import splits
from fashion_mnist.dataset.splits import Split
from fashion_mnist.errors import InputError

LABELS = np.repeat(np.arange(10, dtype=np.uint8), 60)


def test_validation_is_balanced_disjoint_complete_and_seeded():
    train, validation = splits.hold_out(LABELS, 50, None, seed=0)
    assert sorted([*train, *validation]) == list(range(600))
    assert set(np.bincount(LABELS[validation])) == {5}
    again = splits.hold_out(LABELS, 50, None, seed=0)
    np.testing.assert_array_equal(validation, again[1])
    other = splits.hold_out(LABELS, 50, None, seed=1)
    assert not np.array_equal(validation, other[1])


def test_a_smaller_training_set_keeps_the_validation_images():
    train, validation = splits.hold_out(LABELS, 50, 100, seed=0)
    full_train, full_validation = splits.hold_out(LABELS, 50, None, seed=0)
    assert set(np.bincount(LABELS[train])) == {10}
    assert set(train) < set(full_train)
    np.testing.assert_array_equal(validation, full_validation)


@pytest.mark.parametrize(("validation_size", "train_size"), [(600, None), (50, 560)])
def test_more_images_than_there_are_is_an_error(validation_size, train_size):
    with pytest.raises(InputError, match=r"T-shirt/top has 60"):
        splits.hold_out(LABELS, validation_size, train_size, seed=0)


@pytest.fixture
def split() -> Split:
    images, labels = made_images(20, seed=0)
    return Split(images[..., None] / np.float32(255), labels)


def test_saved_splits_load_as_they_were_without_being_read_into_memory(tmp_path, split):
    splits.save({tmp_path / "split": split})
    loaded = splits.load(tmp_path / "split")
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
def test_an_error_names_the_file_and_what_is_wrong(tmp_path, split, spoil, complaint):
    splits.save({tmp_path: split})
    spoil(tmp_path)
    with pytest.raises(InputError, match=complaint):
        splits.load(tmp_path)


def test_a_damaged_header_raises_nothing_but_input_errors(tmp_path, split):
    splits.save({tmp_path: split})
    sound = (tmp_path / "labels.npy").read_bytes()
    for place in range(128):
        for value in (0, 10, 39, 40, 123, 255):
            damaged = bytearray(sound)
            damaged[place] = value
            (tmp_path / "labels.npy").write_bytes(damaged)
            with contextlib.suppress(InputError):
                splits.load(tmp_path)


def test_the_files_of_all_splits_appear_together_or_not_at_all(tmp_path, split):
    splits.save({tmp_path / "train": split})
    before = (tmp_path / "train" / "images.npy").read_bytes()

    class Unwritable:
        def __reduce__(self) -> str:
            raise OSError("disk full")

    unwritable = split._replace(labels=np.array([Unwritable()]))  # np.save pickles it
    darker = split._replace(images=split.images / 2)
    with pytest.raises(InputError, match=r"labels.npy: not written \(disk full\)"):
        splits.save({tmp_path / "train": darker, tmp_path / "test": unwritable})
    assert (tmp_path / "train" / "images.npy").read_bytes() == before
    assert {path.name for path in tmp_path.rglob("*.npy")} == {"images.npy", "labels.npy"}


def test_count_by_class_counts_absent_classes_too():
    counts = splits.count_by_class(np.array([0, 0, 9], np.uint8))
    assert counts["T-shirt/top"] == 2
    assert counts["Ankle boot"] == 1
    assert counts["Bag"] == 0


def test_pixels_survive_the_conversion_to_images_and_back():
    pixels = np.arange(784, dtype=np.uint16).reshape(1, 28, 28).astype(np.uint8)  # all 256 values
    np.testing.assert_array_equal(splits.to_pixels(pixels[..., None] / np.float32(255)), pixels)


def test_one_of_each_class_is_the_first_one_and_absent_classes_have_none():
    assert splits.one_of_each_class(np.array([9, 3, 9, 0, 3], np.uint8)).tolist() == [3, 1, 0]
