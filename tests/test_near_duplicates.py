"""Pairs of pictures that are nearly the same, in a table of features."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from fashion_mnist.errors import InputError
from fashion_mnist.inference.similarity import unit_length

pa = pytest.importorskip("pyarrow", reason="`make .venv/tag` installs it")
faiss = pytest.importorskip("faiss", reason="`make .venv/tag` installs it")

import pyarrow.csv as pa_csv  # noqa: E402

from fashion_mnist.tagging import answering, index, near, table  # noqa: E402
from fashion_mnist.tagging.rows import Rows  # noqa: E402

UNITS, COUNT = 24, 600


def made_features(count: int = COUNT, seed: int = 0) -> np.ndarray:
    """Return float16 features (count, UNITS), of which each tenth is nearly the one before."""
    rng = np.random.default_rng(seed)
    features = rng.random((count, UNITS))
    features[9::10] = 2 * features[8::10] + rng.normal(0, 0.02, features[9::10].shape)
    return features.astype(np.float16)


def write(file: Path, features: np.ndarray, model: str = "a model", first: int = 0) -> None:
    """Write a table with a row for each of the features, and one with an error."""
    count = len(features)
    paths = [f"{first + at:05}.png" for at in range(count)] + ["broken.png"]
    listed = pa.table(
        {
            "path": paths,
            "bytes": pa.array([5] * (count + 1), pa.int64()),
            "modified": pa.array([0] * (count + 1), pa.timestamp("us", "UTC")),
        }
    )
    rows = [{"class": "Bag", "model_sha256": model, "features": row} for row in features]
    made = answering.as_rows(listed, [*rows, {"error": "no picture"}], table.schema(UNITS))
    table.write(file, made)


def brute_force(features: np.ndarray, cosine: float) -> set[tuple[int, int]]:
    units = unit_length(features.astype(np.float32))
    return set(map(tuple, np.argwhere(np.triu(units @ units.T, k=1) >= cosine).tolist()))


def as_set(pairs: near.Pairs) -> set[tuple[int, int]]:
    assert (pairs.first < pairs.second).all()
    found = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert len(found) == len(set(found))
    return set(found)


def found_pairs(searched: near.Searched, count: int, cosine: float, neighbours: int = 10) -> set:
    told = []
    found = near.pairs(searched, count, neighbours, cosine, told.append)
    assert sum(told) == count
    return as_set(found)


def find(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "fashion_mnist.near_duplicates", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        capture_output=True,
    )


@pytest.mark.parametrize(("batch", "candidates"), [(50, 7), (4096, 2**22)])
def test_compared_with_all_each_pair_is_found_once(tmp_path, monkeypatch, batch, candidates):
    monkeypatch.setattr(near, "CANDIDATES", candidates)
    monkeypatch.setattr(table, "BATCH", batch)
    features = made_features()
    write(tmp_path / "tags.parquet", features)
    rows = Rows(tmp_path / "tags.parquet")
    assert (len(rows), rows.units, len(set(rows.ids.tolist()))) == (COUNT, UNITS, COUNT)
    expected = brute_force(features, 0.98)
    assert {(at, at + 1) for at in range(8, COUNT, 10)} <= expected
    assert found_pairs(near.AllRows(rows), COUNT, 0.98) == expected


def test_of_many_copies_each_has_its_nearest(tmp_path):
    write(tmp_path / "tags.parquet", np.ones((50, UNITS), np.float16))
    rows = Rows(tmp_path / "tags.parquet")
    found = near.pairs(near.AllRows(rows), 50, 3, 0.98, [].append)
    pairs = as_set(found)
    assert {at for pair in pairs for at in pair} == set(range(50))
    assert 75 <= len(pairs) <= 150
    assert found.crowded == 50


def test_half_precision_becomes_single_precision_exactly():
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    finite = halves[np.isfinite(halves)].reshape(4, -1)
    assert index.as_float32(finite).tobytes() == finite.astype(np.float32).tobytes()


def test_an_index_finds_copies_and_keeps_step_with_the_table(tmp_path, monkeypatch):
    file, kept = tmp_path / "tags.parquet", tmp_path / "kept.faiss"
    monkeypatch.setattr(near, "AT_ONCE", 7)
    features = made_features(4 * COUNT)
    added: list[int] = []
    add = index._add
    monkeypatch.setattr(
        index, "_add", lambda *arguments: added.append(add(*arguments)) or added[-1]
    )

    def copies(start: int, end: int) -> tuple[set, set]:
        write(file, features[start:end], first=start)
        rows = Rows(file)
        found = found_pairs(index.Cells(index.kept(kept, rows), rows), len(rows), 0.98)
        return found, brute_force(features[start:end], 0.98)

    for start, end, new in ((0, COUNT, COUNT), (0, COUNT, 0), (100, COUNT + 50, 50)):
        found, expected = copies(start, end)
        assert found <= brute_force(features[start:end], 0.97)
        assert len(found & expected) >= 0.97 * len(expected)
        assert added.pop() == new
        assert faiss.read_index(str(kept)).ntotal == end - start
    cells = faiss.read_index(str(kept)).nlist
    copies(100, 4 * COUNT)
    assert faiss.read_index(str(kept)).nlist == cells
    monkeypatch.setattr(index, "GROWN", 2)
    copies(100, 4 * COUNT)
    assert faiss.read_index(str(kept)).nlist == 2 * cells
    assert added == [3 * COUNT - 50, 4 * COUNT - 100]


def test_an_index_of_something_else_is_left_alone(tmp_path):
    file, kept = tmp_path / "tags.parquet", tmp_path / "kept.faiss"
    write(file, made_features())
    index.kept(kept, Rows(file))
    before = kept.read_bytes()
    write(file, made_features(), model="another model")
    with pytest.raises(InputError, match="an index of other pictures, or of another model; delete"):
        index.kept(kept, Rows(file))
    assert kept.read_bytes() == before
    for content in (b"", b"no index", before[: len(before) // 2]):
        kept.write_bytes(content)
        with pytest.raises(InputError, match="no index of 24 features; choose another name"):
            index.kept(kept, Rows(file))
    faiss.write_index(faiss.IndexFlatIP(UNITS), str(kept))
    with pytest.raises(InputError, match="no index of 24 features"):
        index.kept(kept, Rows(file))


def test_the_command_writes_the_paths_of_pairs(tmp_path):
    features = made_features()
    write(tmp_path / "tags.parquet", features)
    expected = brute_force(features, 0.99)
    for arguments in ((), ("--index", "kept.faiss")):
        done = find(
            tmp_path, "tags.parquet", "--output", "pairs.csv", "--cosine", "0.99", *arguments
        )
        assert (done.returncode, done.stderr) == (0, "")
        found = pa_csv.read_csv(tmp_path / "pairs.csv").to_pylist()
        pairs = {(int(row["first"][:5]), int(row["second"][:5])) for row in found}
        assert pairs <= brute_force(features, 0.9899)
        assert len(pairs & expected) >= 0.97 * len(expected)
        assert all(0.99 <= row["cosine"] <= 1 for row in found)
        how = "by an index" if arguments else "exactly"
        assert done.stdout.startswith(f"pairs.csv: {len(found)} pairs of {2 * len(found)} of 600")
        assert f"compared {how}, with a cosine of 0.99 or more" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"tags.parquet", "pairs.csv", "kept.faiss"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("gone.parquet --output p.csv", "gone.parquet: not found; `python -m fashion_mnist.tag`"),
        ("notes.parquet --output p.csv", "notes.parquet: no table of `tag`; choose another name"),
        ("plain.parquet --output p.csv", "plain.parquet: no features; `tag --features --model F"),
        ("mixed.parquet --output p.csv", "mixed.parquet: features of 2 models, which can't be"),
        ("tags.parquet --output p.txt", "p.txt: expected a name that ends in .parquet or .csv"),
        ("tags.parquet --output mine.csv", "mine.csv: no table of pairs; choose another name"),
        ("tags.parquet --output tags.parquet", "tags.parquet: no table of pairs; choose another"),
        ("tags.parquet --output p.csv --exact --index i", "--exact and --index: expected one of"),
        ("tags.parquet --output p.csv --index p.csv", "--index p.csv: it is another file here"),
        ("pipe.parquet --output p.csv", "pipe.parquet: no regular file; expected a table"),
        ("tags.parquet --output pipe.csv", "pipe.csv: no regular file; choose another name"),
        ("tags.parquet --output p.csv --index mine.csv", "mine.csv: no index of 24 features"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(tmp_path, arguments, complaint):
    write(tmp_path / "tags.parquet", made_features(20))
    write(tmp_path / "other.parquet", made_features(20), model="another", first=20)
    whole = [pa.parquet.read_table(tmp_path / f"{name}.parquet") for name in ("tags", "other")]
    table.write(tmp_path / "mixed.parquet", pa.concat_tables(whole))
    table.write(tmp_path / "plain.parquet", whole[0].drop_columns("features"))
    for name in ("notes.parquet", "mine.csv"):
        (tmp_path / name).write_text("mine")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for name in ("pipe.parquet", "pipe.csv"):
        os.mkfifo(tmp_path / name)
    done = find(tmp_path, *arguments.split())
    for name in ("pipe.parquet", "pipe.csv"):
        (tmp_path / name).unlink()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {complaint}")
    assert done.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
