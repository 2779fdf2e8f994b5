"""Heads: their file, their answers, and the three endings."""

import numpy as np
import pytest
from conftest import made_head

from fashion_mnist.errors import InputError
from fashion_mnist.inference import answers
from fashion_mnist.inference.head import FILE, Head
from fashion_mnist.inference.photograph_model import PhotographModel

UNITS = 6


def test_a_head_comes_back_from_its_file_and_from_its_folder(tmp_path):
    head = made_head("network", UNITS)
    head.save(tmp_path / FILE)
    for path in (tmp_path, tmp_path / FILE):
        again = Head.load(path)
        assert again.info == head.info
        for name in ("weights", "bias", "references"):
            np.testing.assert_array_equal(getattr(again, name), getattr(head, name))
    assert head.to_bytes() == head.to_bytes() == (tmp_path / FILE).read_bytes()


def damaged(head: Head, change: str) -> Head:
    changed = {
        "shapes": (head.weights[:, :1], head.bias, head.references),
        "not a number": (head.weights * np.float32(np.nan), head.bias, head.references),
        "no references": (head.weights, head.bias, head.references[:0]),
    }
    return Head(head.info, *changed[change])


@pytest.mark.parametrize("change", ["shapes", "not a number", "no references"])
def test_arrays_that_do_not_fit_are_one_line(tmp_path, change):
    damaged(made_head("network", UNITS), change).save(tmp_path / "a.npz")
    with pytest.raises(InputError, match=r"a.npz: not a whole head .*; make it again"):
        Head.load(tmp_path / "a.npz")


@pytest.mark.parametrize("size", [0, 10, 500])
def test_a_damaged_file_is_one_line(tmp_path, size):
    (tmp_path / "a.npz").write_bytes(made_head("network", UNITS).to_bytes()[:size])
    with pytest.raises(InputError, match=r"a.npz: not a whole head .*; make it again"):
        Head.load(tmp_path / "a.npz")


def test_an_array_of_objects_is_not_unpickled(tmp_path):
    arrays = {name: np.array([{}]) for name in ("info", "weights", "bias", "references")}
    np.savez(tmp_path / "a.npz", allow_pickle=True, **arrays)
    with pytest.raises(InputError, match=r"a.npz: not a whole head .*; make it again"):
        Head.load(tmp_path / "a.npz")


def test_a_missing_head_says_how_to_make_one(tmp_path):
    with pytest.raises(InputError, match=r"not found; `python -m fashion_mnist.teach FOLDER"):
        Head.load(tmp_path / "mine")


def test_the_similarity_is_the_cosine_to_the_nearest_reference():
    head = made_head("network", UNITS)
    features = 3 * head.references[1:2].astype(np.float32)
    assert head(features)[1] == pytest.approx(1, abs=1e-3)
    assert head(-features)[1] < 0.5


@pytest.mark.parametrize(
    ("probabilities", "similarity", "ending"),
    [
        ([0.9, 0.1, 0.0], 0.9, "dress 90.0%"),
        ([0.6, 0.4, 0.0], 0.9, "not sure: dress 60.0%"),
        ([0.0, 0.1, 0.9], 0.9, "no garment that I know: it looks like a garment of another kind"),
        ([0.0, 0.4, 0.6], 0.9, "not sure: another garment 60.0%"),
        ([0.9, 0.1, 0.0], 0.4, "no garment that I know: it is unlike all pictures that"),
    ],
)
def test_there_are_three_endings(network_of_photographs, probabilities, similarity, ending):
    head = made_head(network_of_photographs.backbone, units=1952)
    model = PhotographModel(network_of_photographs.content, head)
    verdict = model.verdict(np.array(probabilities, np.float32), similarity)
    assert answers.in_words(verdict, "garment").startswith(ending)
    assert verdict["sure"] == (ending == "dress 90.0%")
    assert verdict["known"] == (not ending.startswith("no garment"))
    assert bool(verdict["reason"]) == (not verdict["sure"])
