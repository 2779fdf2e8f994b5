"""Folders of pictures, without a look into the pictures."""

import os

import pytest

from fashion_mnist.dataset import folder
from fashion_mnist.errors import InputError


@pytest.fixture
def shoes(tmp_path):
    for name in ("boots/1.jpg", "boots/deeper/2.PNG", "clogs/1.webp", ".cache/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "boots" / "notes.txt").write_text("no picture")
    return tmp_path


def test_classes_are_folders_and_label_the_pictures_below_them(shoes):
    assert folder.classes(shoes) == ["boots", "clogs"]
    found = folder.labelled_files(shoes, ["clogs", "boots"])
    assert {path.relative_to(shoes).as_posix(): label for path, label in found} == {
        "clogs/1.webp": 0,
        "boots/1.jpg": 1,
        "boots/deeper/2.PNG": 1,
    }


def test_hidden_files_folders_pipes_and_folders_with_the_name_of_a_picture_are_no_pictures(shoes):
    boots = shoes / "boots"
    for name in ("._1.jpg", ".hidden/1.jpg", "album.jpg/2.txt"):
        (boots / name).parent.mkdir(exist_ok=True)
        (boots / name).touch()
    os.mkfifo(boots / "pipe.jpg")
    found = [path.relative_to(boots).as_posix() for path in folder.pictures_below(boots)]
    assert found == ["1.jpg", "deeper/2.PNG"]


def test_pictures_of_other_formats_are_left_out_with_a_line(shoes, monkeypatch, capsys):
    boots = shoes / "boots"
    for name in ("3.TIFF", "deeper/4.heic", "deeper/5.heic"):
        (boots / name).touch()
    monkeypatch.setenv("QUIET", "")
    assert len(folder.pictures_below(boots)) == 2
    assert capsys.readouterr().err == (
        f"{boots}: pictures left out because of their format: 3 (.heic, .tiff); "
        "expected .bmp, .gif, .jpeg, .jpg, .png, .webp\n"
    )
    folder.pictures_below(boots)  # once is enough
    folder.pictures_below(shoes / "clogs")  # a text, or nothing, is worth no word
    assert capsys.readouterr().err == ""


def test_pictures_come_mixed_and_in_the_same_order_each_time(shoes):
    for position in range(30):
        (shoes / "boots" / f"{position}.png").touch()
        (shoes / "clogs" / f"{position}.png").touch()
    found = folder.labelled_files(shoes, ["boots", "clogs"])
    assert {label for _, label in found[:10]} == {0, 1}
    assert found == folder.labelled_files(shoes, ["boots", "clogs"])


def test_the_digest_changes_with_a_content_and_with_a_name_and_with_nothing_else(shoes, tmp_path):
    def digest() -> str:
        return folder.digest(shoes, folder.all_files(shoes, ["boots", "clogs"], None))

    before, picture = digest(), shoes / "clogs" / "1.webp"
    (shoes / "boots" / "notes.txt").write_text("other notes")
    assert digest() == before
    picture.write_text("another picture")
    changed = digest()
    picture.rename(shoes / "clogs" / "2.webp")
    assert len({before, changed, digest()}) == 3
    (shoes / "clogs" / "2.webp").rename(picture)
    picture.write_text("clogs/1.webp")
    assert digest() == before


def test_what_is_missing_is_named(shoes):
    with pytest.raises(InputError, match="sandals: no pictures found, expected"):
        folder.labelled_files(shoes, ["boots", "sandals"])
    with pytest.raises(InputError, match=r"pairs.csv: not found"):
        folder.all_files(shoes, ["boots"], "pairs.csv")
    with pytest.raises(InputError, match="boots: 1 folders found"):
        folder.classes(shoes / "boots")
    with pytest.raises(InputError, match="gone: not a folder"):
        folder.classes(shoes / "gone")
