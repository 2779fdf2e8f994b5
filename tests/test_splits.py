import numpy as np
import pytest
from conftest import SPEC, made_images

from fashion_mnist.dataset import splits
from fashion_mnist.dataset.splits import Split
from fashion_mnist.errors import InputError


@pytest.fixture
def split() -> Split:
    images, labels = made_images(20, seed=0)
    return Split(images[..., None] / np.float32(255), labels, SPEC)


def test_saved_splits_load_as_they_were_without_being_read_into_memory(tmp_path, split):
    splits.save({tmp_path / "split": split})
    loaded = splits.load(tmp_path / "split")
    assert isinstance(loaded.images, np.memmap)
    np.testing.assert_array_equal(loaded.images, split.images)
    np.testing.assert_array_equal(loaded.labels, split.labels)
    assert loaded.spec == SPEC


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda folder: (folder / "labels.npy").unlink(), "labels.npy: not found"),
        (
            lambda folder: np.save(folder / "labels.npy", np.zeros(20, np.uint8)),
            r"labels.npy: MD5 \w{32} found, .*dataset.json expects \w{32}; remove DVC's copy",
        ),
        (
            lambda folder: (folder / "images.npy").write_bytes(b""),
            r"images.npy: MD5 d41d8cd98f00b204e9800998ecf8427e found, .* normalize`",
        ),
        (
            lambda folder: (folder.parent / "dataset.json").unlink(),
            "dataset.json: not found; make it with `dvc repro normalize`",
        ),
        (
            lambda folder: (folder.parent / "dataset.json").write_text('{"side": 28}'),
            "dataset.json: not the description of a dataset",
        ),
    ],
)
def test_an_error_names_the_file_and_what_is_wrong(tmp_path, split, spoil, complaint):
    folder = tmp_path / "split"
    splits.save({folder: split})
    spoil(folder)
    with pytest.raises(InputError, match=complaint):
        splits.load(folder)


def test_no_flipped_bit_passes(tmp_path, split):
    folder = tmp_path / "split"
    splits.save({folder: split})
    sound = (folder / "labels.npy").read_bytes()
    for place in range(len(sound)):
        for bit in range(8):
            damaged = bytearray(sound)
            damaged[place] ^= 1 << bit
            (folder / "labels.npy").write_bytes(damaged)
            with pytest.raises(InputError, match=r"labels\.npy: MD5"):
                splits.load(folder)


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


def test_count_by_class_counts_absent_classes_too(split):
    counts = splits.count_by_class(split._replace(labels=np.array([0, 0, 9], np.uint8)))
    assert counts["T-shirt/top"] == 2
    assert counts["Ankle boot"] == 1
    assert counts["Bag"] == 0


def test_pixels_survive_the_conversion_to_images_and_back():
    pixels = np.arange(784, dtype=np.uint16).reshape(1, 28, 28).astype(np.uint8)  # all 256 values
    np.testing.assert_array_equal(splits.to_pixels(pixels[..., None] / np.float32(255)), pixels)
    colour = np.arange(768, dtype=np.uint16).reshape(1, 16, 16, 3).astype(np.uint8)
    np.testing.assert_array_equal(splits.to_pixels(colour / np.float32(255)), colour)


def test_one_of_each_class_is_the_first_one_and_absent_classes_have_none():
    assert splits.one_of_each_class(np.array([9, 3, 9, 0, 3], np.uint8)).tolist() == [3, 1, 0]
