import json

import pytest

from fashion_mnist import files


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
