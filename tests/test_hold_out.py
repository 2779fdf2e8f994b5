"""Which images are held out: a fixed number of each class, or a share of whole groups."""

import numpy as np
import pytest
from conftest import SPEC

from fashion_mnist.dataset import hold_out
from fashion_mnist.dataset.splits import Split
from fashion_mnist.errors import InputError

LABELS = np.repeat(np.arange(10, dtype=np.uint8), 60)
SPLIT = Split(np.zeros((600, 28, 28, 1), np.float32), LABELS, SPEC)
ALONE = np.arange(600)
# Groups of one to four images, of one class each.
GROUPS = np.repeat(np.arange(240), np.tile([1, 2, 3, 4], 60))


def validation(validation_size, train_size=None, seed=0, groups=ALONE):
    return hold_out.validation(SPLIT, groups, validation_size, train_size, seed)


def test_validation_is_balanced_disjoint_complete_and_seeded():
    train, held_out = validation(50)
    assert sorted([*train, *held_out]) == list(range(600))
    assert set(np.bincount(LABELS[held_out])) == {5}
    np.testing.assert_array_equal(held_out, validation(50)[1])
    assert not np.array_equal(held_out, validation(50, seed=1)[1])


@pytest.mark.parametrize("validation_size", [50, 0.1])
def test_a_smaller_training_set_keeps_the_validation_images(validation_size):
    train, held_out = validation(validation_size, 100)
    full_train, full_held_out = validation(validation_size)
    assert set(np.bincount(LABELS[train])) == {10}
    assert set(train) < set(full_train)
    np.testing.assert_array_equal(held_out, full_held_out)


@pytest.mark.parametrize(("validation_size", "train_size"), [(600, None), (50, 560), (0.5, 310)])
def test_more_images_than_there_are_is_an_error(validation_size, train_size):
    with pytest.raises(InputError, match=r"T-shirt/top has (60|30)"):
        validation(validation_size, train_size)


def test_a_share_keeps_groups_together_and_is_stratified_complete_and_seeded():
    kept, held_out = hold_out.share(SPLIT, GROUPS, 0.25, seed=0)
    assert sorted([*kept, *held_out]) == list(range(600))
    assert not set(GROUPS[kept]) & set(GROUPS[held_out])
    assert set(np.bincount(LABELS[held_out])) <= {14, 15, 16}
    np.testing.assert_array_equal(held_out, hold_out.share(SPLIT, GROUPS, 0.25, seed=0)[1])
    assert not np.array_equal(held_out, hold_out.share(SPLIT, GROUPS, 0.25, seed=1)[1])
    np.testing.assert_array_equal(held_out, validation(0.25, groups=GROUPS)[1])


def test_a_class_with_too_few_groups_for_a_share_is_named():
    together = np.where(LABELS == 3, 0, ALONE)  # all dresses are one group
    with pytest.raises(InputError, match=r"^Dress: 60 pictures in 1 groups found, too few"):
        hold_out.share(SPLIT, together, 0.1, seed=0)
