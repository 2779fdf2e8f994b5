import json

import pytest

from fashion_mnist import files
from fashion_mnist.errors import InputError


def test_a_failed_write_leaves_the_old_content_and_no_partial_file(tmp_path):
    path = tmp_path / "a" / "file"
    files.write_bytes(path, b"old")

    def break_off():
        with files.atomic(path) as partial:
            partial.write_bytes(b"new, but only h")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_json_has_six_digits_and_no_nan(tmp_path):
    path = tmp_path / "file.json"
    files.write_json(path, {"share": 1 / 3, "p": 1.23456789e-60, "count": 10_000_000})
    assert json.loads(path.read_text()) == {
        "share": 0.333333,
        "p": 1.23457e-60,
        "count": 10_000_000,
    }
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(path, {"loss": float("nan")})
    assert json.loads(path.read_text())["count"] == 10_000_000


def test_two_that_write_one_file_do_not_mix_their_bytes(tmp_path):
    path = tmp_path / "file"
    with files.atomic(path) as partial:
        with pytest.raises(InputError, match="another process is writing it"):
            files.write_bytes(path, b"of the other")
        partial.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"
    files.write_bytes(path, b"later")
    assert path.read_bytes() == b"later"
