"""A folder of pictures becomes a split, and it is known which pictures belong together."""

import numpy as np
import pytest
from conftest import SPEC
from PIL import Image

from fashion_mnist.dataset import pictures
from fashion_mnist.dataset.folder import labelled_files
from fashion_mnist.errors import InputError

COLOUR = SPEC.model_copy(
    update={"classes": ["boots", "clogs"], "side": 32, "channels": 3, "cut_out": False}
)
FILES = ("boots/a.png", "boots/b.png", "boots/copy of a.jpg", "clogs/c.png", "clogs/d.png")
PAIRS = "file,group\nboots/a.png,1\nclogs/c.png,1\n"


def photograph(seed: int) -> Image.Image:
    """Return a made photograph: soft shapes in colour, 240 x 180 pixels."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(noise).resize((240, 180), Image.Resampling.BICUBIC)


@pytest.fixture
def shoes(tmp_path):
    for seed, name in enumerate(FILES):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        if "copy" not in name:
            photograph(seed).save(tmp_path / name)
    photograph(0).resize((120, 90)).save(tmp_path / "boots/copy of a.jpg", quality=75)
    (tmp_path / "pairs.csv").write_text(PAIRS)
    return tmp_path


def together(names: list[str], groups: np.ndarray) -> list[list[str]]:
    """Return which names belong together, without those that are alone."""
    members = [[names[at] for at in np.flatnonzero(groups == group)] for group in np.unique(groups)]
    return sorted(sorted(names) for names in members if len(names) > 1)


def names_of(shoes) -> list[str]:
    found = labelled_files(shoes, COLOUR.classes)
    return [path.relative_to(shoes).as_posix() for path, _ in found]


def test_a_picture_is_shrunk_and_has_the_label_of_its_folder(shoes):
    split, _ = pictures.read(shoes, COLOUR, None)
    assert (split.images.shape, split.images.dtype) == ((5, 32, 32, 3), np.float32)
    assert split.labels.dtype == np.uint8
    assert [name.split("/")[0] for name in names_of(shoes)] == [
        COLOUR.classes[label] for label in split.labels
    ]
    assert split.spec == COLOUR
    middle = photograph(4).crop((30, 0, 210, 180)).resize((32, 32), Image.Resampling.BOX)
    read = split.images[names_of(shoes).index("clogs/d.png")]
    np.testing.assert_allclose(read, np.asarray(middle) / 255, atol=0.1)


def test_a_smaller_and_poorer_copy_is_found_and_other_pictures_are_none(shoes):
    split, groups = pictures.read(shoes, COLOUR, None)
    assert together(names_of(shoes), groups) == [["boots/a.png", "boots/copy of a.jpg"]]
    assert together(names_of(shoes), pictures.copies(split.images)) == [
        ["boots/a.png", "boots/copy of a.jpg"]
    ]


def test_pictures_of_one_group_are_together_and_with_their_copies(shoes):
    _, groups = pictures.read(shoes, COLOUR, "pairs.csv")
    assert together(names_of(shoes), groups) == [
        ["boots/a.png", "boots/copy of a.jpg", "clogs/c.png"]
    ]


def test_groups_join_through_any_of_several_groupings():
    joined = pictures.join(np.array([0, 1, 1, 2, 3]), np.array([5, 5, 6, 7, 8]))
    assert together(list("abcde"), joined) == [["a", "b", "c"]]


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("file,group\nboots/z.png,1\n", r"pairs.csv: boots/z.png: no such picture"),
        ("file,pair\nboots/a.png,1\n", r"pairs.csv: expected rows with the columns file and group"),
        ("", r"pairs.csv: expected rows"),
    ],
)
def test_a_table_of_groups_that_is_none_is_refused(shoes, table, complaint):
    (shoes / "pairs.csv").write_text(table)
    with pytest.raises(InputError, match=complaint):
        pictures.read(shoes, COLOUR, "pairs.csv")


def test_a_picture_that_cannot_be_read_is_named(shoes):
    (shoes / "clogs" / "d.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"clogs/d.png: not a picture"):
        pictures.read(shoes, COLOUR, None)
