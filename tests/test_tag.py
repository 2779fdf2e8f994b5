"""The command, as its user runs it: `python -m fashion_mnist.tag`."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import ROOT, SPEC, made_head, made_images
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from fashion_mnist.inference.answers import Models
from fashion_mnist.inference.head import FILE
from fashion_mnist.params.photographs import Backbone
from fashion_mnist.training import photograph_graph

pa = pytest.importorskip("pyarrow", reason="`make .venv/tag` installs it")
import pyarrow.csv as pa_csv  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from fashion_mnist.tagging import answering, plan, sources, table, workers  # noqa: E402
from fashion_mnist.tagging.answering import Answering, Asked  # noqa: E402
from fashion_mnist.tagging.plan import Shard  # noqa: E402

UNITS = 12


def made_cnn(seed: int) -> bytes:
    """Return an exported model with random weights: a layer of features and a layer of classes."""
    rng = np.random.default_rng(seed)
    arrays = {
        "shape": np.array([-1, 28 * 28]),
        "first": rng.normal(0, 1e-4, (28 * 28, UNITS)).astype(np.float32),
        "second": rng.normal(0, 1, (UNITS, 10)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Reshape", ["images", "shape"], ["flat"]),
        helper.make_node("Cast", ["flat"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["pixels", "first"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["features"]),
        helper.make_node("MatMul", ["features", "second"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
        helper.make_node("Identity", ["probabilities"], ["calibrated_probabilities"]),
    ]
    outputs = {"probabilities": 10, "calibrated_probabilities": 10, "features": UNITS}
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", 28, 28])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", units])
            for name, units in outputs.items()
        ],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {"dataset": SPEC.model_dump_json(), "sure_from": "0.3"})
    onnx.checker.check_model(model)
    return model.SerializeToString()


@pytest.fixture(scope="session")
def made_models(tmp_path_factory) -> Path:
    """A folder of small models, both with random weights."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "cnn.onnx").write_bytes(made_cnn(1))
    backbone = Backbone(name="efficientnet_lite0", side=64)
    head = made_head(photograph_graph.identity(backbone), units=1952)
    model = photograph_graph.to_onnx(backbone, head)
    (folder / "photographs.onnx").write_bytes(model.SerializeToString())
    return folder


@pytest.fixture
def place(tmp_path, made_models) -> Path:
    """A folder to run the command in: with models, and with thirty pictures in `photos`."""
    shutil.copytree(made_models, tmp_path / "models")
    make_pictures(tmp_path / "photos", 30)
    return tmp_path


def make_pictures(folder: Path, count: int) -> None:
    """Write images of the dataset, and a photograph for every tenth, in folders of twenty."""
    for at, pixels in enumerate(made_images(count, seed=11)[0]):
        path = folder / f"{at // 20}" / f"{at:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(np.where(pixels < 100, 0, pixels))
        if at % 10 == 9:
            image = image.convert("RGB").resize((50, 40))
            image.paste((200, 30, 40), (9, 9, 30, 30))
        image.save(path)


def start(place: Path, *arguments: str | Path, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "fashion_mnist.tag", *map(str, arguments)],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def tag(place: Path, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess:
    process = start(place, *arguments, **environment)
    said = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, *said)


def succeed(place: Path, *arguments: str | Path, **environment: str) -> str:
    """Run the command, which says nothing on stderr, and return what it prints."""
    done = tag(place, *arguments, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def refused(place: Path, *arguments: str | Path, **environment: str) -> str:
    """Run the command, which fails with one line, and return that."""
    done = tag(place, *arguments, **environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("error: ").removesuffix("\n")


def rows(file: Path) -> dict[str, dict]:
    """Return the rows of a Parquet table by path, each path once."""
    found = pq.read_table(file).to_pylist()
    assert [row["path"] for row in found] == sorted({row["path"] for row in found})
    return {row["path"]: row for row in found}


def sha256(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def test_each_picture_has_a_row_with_the_answer_of_the_model_that_suits(place):
    said = succeed(place, "photos", "--output", "tags.parquet", "--jobs", "2")
    found = rows(place / "tags.parquet")
    assert len(found) == 30
    sure, unsure, unknown = (
        sum(row["sure"] for row in found.values()),
        sum(row["known"] and not row["sure"] for row in found.values()),
        sum(not row["known"] for row in found.values()),
    )
    assert re.fullmatch(
        rf"tags.parquet: 30 pictures, {sure} sure, {unsure} not sure, {unknown} unknown, 0 with an "
        r"error; 30 done now in \d+\.\d s\n",
        said,
    )
    models = Models.load(place / "models", head=None)
    for name, row in found.items():
        path = place / name
        (answer,) = models.answer([models.prepare(path, name)], top=1)
        assert row["model"] == ("photographs" if int(path.stem) % 10 == 9 else "cnn")
        assert row["model_sha256"] == sha256(place / "models" / f"{row['model']}.onnx")
        for key in ("class", "sure", "known", "reason", "model"):
            assert row[key] == answer[key]
        assert row["probability"] == pytest.approx(answer["probability"], abs=1e-5)
        assert row["bytes"] == path.stat().st_size
        assert row["modified"].timestamp() == pytest.approx(path.stat().st_mtime, abs=2e-6)
        assert row["error"] is None
    assert {path.name for path in place.iterdir()} == {"models", "photos", "tags.parquet"}


def test_a_second_run_does_only_what_is_new_or_has_changed(place):
    succeed(place, "photos", "--output", "tags.parquet")
    first = rows(place / "tags.parquet")
    made_at = (place / "tags.parquet").stat().st_mtime_ns
    assert "; 0 done now\n" in succeed(place, "photos", "--output", "tags.parquet")
    assert (place / "tags.parquet").stat().st_mtime_ns == made_at

    shutil.copy(place / "photos/0/0003.png", place / "photos/0/new.png")
    shutil.copy(place / "photos/0/0009.png", place / "photos/0/0005.png")
    (place / "photos/1/0025.png").unlink()
    done = tag(place, "photos", "--output", "tags.parquet")
    assert done.returncode == 0
    assert done.stderr == (
        "tags.parquet: 1 rows of pictures that are not there any more are left out\n"
    )
    assert "tags.parquet: 30 pictures" in done.stdout
    assert "; 2 done now" in done.stdout
    second = rows(place / "tags.parquet")
    changed = {path for path in first.keys() | second.keys() if first.get(path) != second.get(path)}
    assert changed == {"photos/0/new.png", "photos/0/0005.png", "photos/1/0025.png"}
    assert second["photos/0/0005.png"]["model"] == "photographs"


@pytest.mark.slow
def test_answers_of_another_model_are_replaced_when_that_is_asked_for(place):
    succeed(place, "photos", "--output", "tags.parquet")
    first = rows(place / "tags.parquet")
    (place / "models/cnn.onnx").write_bytes(made_cnn(2))
    (place / "photos/0/broken.png").write_bytes(b"no picture")
    done = tag(place, "photos", "--output", "tags.parquet")
    assert done.stderr == (
        "tags.parquet: 27 rows are answers of other models; --again replaces them\n"
    )
    assert "; 1 done now" in done.stdout
    assert "; 28 done now" in succeed(place, "photos", "--output", "tags.parquet", "--again")
    second = rows(place / "tags.parquet")
    new = sha256(place / "models/cnn.onnx")
    for path, row in first.items():
        if row["model"] == "photographs":
            assert second[path] == row
        else:
            assert second[path]["model_sha256"] == new != row["model_sha256"]


@pytest.mark.slow
def test_a_single_model_is_another_than_one_of_two(place):
    """The CNN alone also answers about photographs, so its rows are not those of both models."""
    alone = ("photos", "--output", "tags.parquet", "--model", "models/cnn.onnx")
    succeed(place, *alone)
    assert {row["model"] for row in rows(place / "tags.parquet").values()} == {"cnn.onnx"}
    done = tag(place, "photos", "--output", "tags.parquet")
    assert done.stderr.startswith("tags.parquet: 30 rows are answers of other models; --again")
    assert "; 30 done now" in succeed(place, "photos", "--output", "tags.parquet", "--again")


@pytest.mark.slow
def test_a_head_of_one_s_own_answers_and_is_part_of_the_hash(place):
    backbone = Backbone(name="efficientnet_lite0", side=64)
    made_head(photograph_graph.identity(backbone), units=1952).save(place / "mine" / FILE)
    succeed(place, "photos", "--output", "tags.parquet", "--head", "mine", "--features")
    found = rows(place / "tags.parquet")
    assert {row["model"] for row in found.values()} == {"mine"}
    expected = sha256(place / "models/photographs.onnx", place / "mine" / FILE)
    assert {row["model_sha256"] for row in found.values()} == {expected}
    assert {len(row["features"]) for row in found.values()} == {1952}


@pytest.mark.slow
@pytest.mark.parametrize("model", ["cnn.onnx", "photographs.onnx"])
def test_features_are_those_of_the_model(place, model):
    (place / "photos/0/broken.png").write_bytes(b"no picture")
    command = ("photos", "--output", "tags.parquet", "--features", "--model", f"models/{model}")
    succeed(place, *command)
    found = rows(place / "tags.parquet")
    assert found.pop("photos/0/broken.png")["features"] is None
    models = Models.load_one(place / "models" / model)
    pixels = np.stack([models.prepare(place / path, path).pixels for path in found])
    if models.images:
        expected, units = models.images(pixels).features, UNITS
    else:
        expected, units = models.photographs.features(pixels), 1952
    features = np.array([row["features"] for row in found.values()])
    assert features.shape == (30, units)
    np.testing.assert_allclose(features, expected, rtol=2e-3, atol=2e-3)
    schema = pq.read_schema(place / "tags.parquet")
    assert schema.field("features").type == pa.list_(pa.float16(), units)
    assert "; 0 done now" in succeed(place, *command)


@pytest.mark.slow
def test_rows_with_and_without_features_are_not_mixed(place):
    alone = ("photos", "--output", "tags.parquet", "--model", "models/cnn.onnx")
    succeed(place, *alone)
    before = (place / "tags.parquet").read_bytes()
    complaint = refused(place, *alone, "--features")
    assert complaint == (
        "tags.parquet: has no features, unlike what is asked for now; --again replaces all rows, "
        "or choose another --output"
    )
    assert (place / "tags.parquet").read_bytes() == before
    assert "; 30 done now" in succeed(place, *alone, "--features", "--again")
    assert refused(place, *alone).startswith("tags.parquet: has 12 features a picture, unlike")


@pytest.mark.slow
def test_csv_holds_the_same_and_goes_on_too(place):
    (place / "photos/0/broken.png").write_bytes(b"no picture")
    (place / 'photos/0/a, "b"\nc.png').write_bytes(b"no picture")
    for name in ("tags.csv", "tags.parquet"):
        assert "2 with an error; 32 done now" in succeed(place, "photos", "--output", name)
    options = pa_csv.ConvertOptions(
        column_types=table.ANSWERS, strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    parse = pa_csv.ParseOptions(newlines_in_values=True)
    read = pa_csv.read_csv(place / "tags.csv", parse_options=parse, convert_options=options)
    assert read.to_pylist() == pq.read_table(place / "tags.parquet").to_pylist()
    assert "; 0 done now" in succeed(place, "photos", "--output", "tags.csv")
    (place / "photos/0/0000.png").touch()
    assert "; 1 done now" in succeed(place, "photos", "--output", "tags.csv")


def test_bad_pictures_have_an_error_and_stop_nothing(place):
    folder = place / "photos/0"
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("no picture")
    (folder / "cut.png").write_bytes((folder / "0000.png").read_bytes()[:90])
    Image.new("L", (28, 28)).save(folder / "black.bmp")
    Image.new("1", (20_001, 1)).save(folder / "long.png")
    with (folder / "huge.bmp").open("wb") as huge:
        huge.truncate(sources.MAX_BYTES + 1)
    os.mkfifo(folder / "pipe.jpg")
    (folder / "a folder.png").mkdir()
    (folder / "gone.png").symlink_to("nowhere")
    (folder / "loop.png").symlink_to("loop.png")
    named = os.fsencode(folder) + b"/\xff\xfe.png"
    shutil.copy(os.fsencode(folder / "0000.png"), named)
    Path(os.fsdecode(named)).with_suffix(".jpg").write_bytes(b"")
    said = succeed(place, "photos", "--output", "tags.parquet")
    assert "with an error; 38 done now" in said
    found = rows(place / "tags.parquet")
    bad = {path.rpartition("/")[2]: row["error"] for path, row in found.items() if row["error"]}
    assert bad["empty.png"].startswith("not a picture; expected JPEG")
    assert bad["text.jpg"].startswith("not a picture; expected JPEG")
    assert bad["cut.png"].startswith("not a whole picture (")
    assert bad["long.png"] == "20001x1 pixels, expected sides of at most 20,000; make it smaller"
    assert bad["huge.bmp"] == ("200,000,001 bytes, expected at most 200,000,000; make it smaller")
    assert bad["\\xff\\xfe.jpg"].startswith("not a picture")
    same = dict(found["photos/0/\\xff\\xfe.png"], path="", modified=None)
    assert same == dict(found["photos/0/0000.png"], path="", modified=None)
    assert not {"pipe.jpg", "a folder.png", "gone.png", "loop.png"} & {
        path.rpartition("/")[2] for path in found
    }
    assert "; 0 done now" in succeed(place, "photos", "--output", "tags.parquet")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_read_again_by_the_next_run(place):
    (place / "photos/0/0001.png").chmod(0)
    (place / "photos/1").chmod(0)
    succeed(place, "photos", "--output", "tags.parquet")
    found = rows(place / "tags.parquet")
    assert found["photos/0/0001.png"]["error"] == "not read: Permission denied"
    assert found["photos/1"]["error"] == "not read: Permission denied"
    (place / "photos/0/0001.png").chmod(0o600)
    (place / "photos/1").chmod(0o700)
    tag(place, "photos", "--output", "tags.parquet")
    assert {row["error"] for row in rows(place / "tags.parquet").values()} == {None}


@pytest.mark.slow
def test_when_no_picture_is_answered_the_exit_status_says_so(place):
    (place / "bad").mkdir()
    (place / "bad/0.png").write_bytes(b"no picture")
    done = tag(place, "bad", "--output", "tags.parquet")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("tags.parquet: 1 pictures, 0 sure, 0 not sure, 0 unknown, 1 with")


@pytest.mark.slow
def test_a_list_names_its_pictures_and_what_is_wrong_with_them(place):
    shutil.copy(place / "photos/0/0000.png", place / "photos/no suffix")
    os.mkfifo(place / "pipe.jpg")
    lines = ["photos/0/0004.png", "photos/no suffix", "", "gone.png", "photos", "pipe.jpg"]
    (place / "list.txt").write_bytes("\ufeff".encode() + "\r\n".join([*lines, lines[0]]).encode())
    assert "5 pictures" in succeed(place, "list.txt", "--output", "tags.parquet")
    found = rows(place / "tags.parquet")
    errors = {path: row["error"] for path, row in found.items()}
    assert errors == {
        "photos/0/0004.png": None,
        "photos/no suffix": None,
        "gone.png": "not read: No such file or directory",
        "photos": "not read: not a regular file",
        "pipe.jpg": "not read: not a regular file",
    }
    shutil.copy(place / "photos/0/0000.png", place / "gone.png")
    assert "; 3 done now" in succeed(place, "list.txt", "--output", "tags.parquet")
    assert rows(place / "tags.parquet")["gone.png"]["error"] is None


@pytest.mark.slow
def test_a_narrower_source_does_not_drop_the_rows_of_the_others(place):
    succeed(place, "photos", "--output", "tags.parquet")
    before = (place / "tags.parquet").read_bytes()
    complaint = refused(place, "photos/0/*.png", "--output", "tags.parquet")
    assert complaint == (
        "tags.parquet: has rows of pictures that are there but not in photos/0/*.png, such as "
        "photos/1/0020.png; choose another --output, or a source with all of them"
    )
    assert (place / "tags.parquet").read_bytes() == before


def test_a_folder_says_which_pictures_it_leaves_out(place, monkeypatch, capsys):
    (place / "photos/0/a.tiff").touch()
    (place / "photos/0/notes.txt").touch()
    monkeypatch.setenv("QUIET", "")
    assert len(listed(place / "photos")) == 30
    said = capsys.readouterr().err
    assert said.startswith(
        f"{place}/photos: pictures left out because of their format: 1 (.tiff); "
    )


def test_a_pattern_passes_through_no_folder_twice(place, monkeypatch):
    (place / "photos/0/loop").symlink_to("..")
    monkeypatch.chdir(place)
    assert len(sources.pictures("photos/**/*.png")) == 30


def test_a_pattern_finds_files_and_a_file_with_such_a_name(place):
    succeed(place, "photos/*/00*5.png", "--output", "tags.parquet")
    assert list(rows(place / "tags.parquet")) == [
        *("photos/0/0005.png", "photos/0/0015.png", "photos/1/0025.png")
    ]
    shutil.copy(place / "photos/0/0000.png", place / "photos/[0].png")
    succeed(place, "photos/[0].png", "--output", "one.parquet")
    assert list(rows(place / "one.parquet")) == ["photos/[0].png"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("photos --output tags.xlsx", "tags.xlsx: expected a name that ends in .parquet or .csv"),
        ("photos --output models", "models: expected a name that ends in .parquet or .csv"),
        (
            "photos --output tags.csv --features --model models/cnn.onnx",
            "tags.csv: a CSV file has no features; choose .parquet",
        ),
        (
            "photos --output tags.parquet --features",
            "--features: cnn and photographs have different ones; choose one model, such as "
            "--model models/cnn.onnx",
        ),
        (
            "nowhere --output tags.parquet",
            "nowhere: not found; expected a folder, a list, a pattern or a bucket",
        ),
        (
            "models/cnn.onnx --output tags.parquet",
            "models/cnn.onnx: not a picture; expected JPEG, PNG, WEBP, GIF, BMP; the name of "
            "a list of pictures ends in .txt",
        ),
        ("models --output tags.parquet", "models: no pictures found, expected .bmp"),
        ("pipe.txt --output tags.parquet", "pipe.txt: no regular file; expected a text file"),
        ("photos --output pipe.csv", "pipe.csv: no regular file; choose another name"),
        ("gone.txt --output tags.parquet", "gone.txt: not found; expected a text file with a path"),
        ("photos --output photos/0/0000.png/tags.csv", "photos/0/0000.png/.partial-tags.csv.parts"),
        ("photos --output tags.csv --model gone.onnx", "gone.onnx: not found; `make` exports"),
        ("photos --output tags.csv --head a --model b", "--head and --model: expected one of them"),
        (
            " --output tags.csv",
            "SOURCE: '' found, expected a folder, a list, a pattern or a bucket",
        ),
        ("s3:// --output tags.csv", "s3://: no bucket; expected s3://BUCKET/PREFIX"),
        ("s3://b/*.png --output tags.csv", "s3://b/*.png: patterns are for local files"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(place, arguments, complaint):
    for name in ("pipe.txt", "pipe.csv"):
        os.mkfifo(place / name)
    before = sorted(place.rglob("*"))
    assert refused(place, *arguments.split(" ")).startswith(complaint)
    assert sorted(place.rglob("*")) == before


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tags.parquet", "tags.csv"])
def test_what_is_no_table_of_tag_is_not_overwritten(place, name):
    (place / name).write_bytes(b"path,bytes\nmine,1\n\xff")
    assert refused(place, "photos", "--output", name) == (
        f"{name}: no table of `tag`; choose another name"
    )
    assert (place / name).read_bytes() == b"path,bytes\nmine,1\n\xff"


@pytest.mark.slow
def test_a_table_about_other_pictures_is_not_replaced(place):
    succeed(place, "photos/0", "--output", "tags.parquet")
    before = (place / "tags.parquet").read_bytes()
    assert refused(place, "photos/1", "--output", "tags.parquet") == (
        "tags.parquet: about 20 other pictures; choose another --output"
    )
    assert (place / "tags.parquet").read_bytes() == before


def parts(place: Path) -> list[Path]:
    return list((place / ".partial-tags.parquet.parts").glob("[0-9]*.parquet"))


def killed_after_a_part(place: Path, *arguments: str, by: int = signal.SIGKILL) -> tuple[int, str]:
    """Start the command and kill it once there is one more part; return status and stderr."""
    before = len(parts(place))
    process = start(place, *arguments)
    while len(parts(place)) == before:
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    process.send_signal(by)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


@pytest.mark.slow
def test_killed_twice_the_table_is_that_of_a_run_that_was_not(place):
    make_pictures(place / "photos", 1500)
    command = ("photos", "--output", "tags.parquet", "--jobs", "2")
    for _ in range(2):
        assert killed_after_a_part(place, *command)[0] == -signal.SIGKILL
        assert not (place / "tags.parquet").exists()
    done = int(re.search(r"; ([\d,]+) done now", succeed(place, *command))[1].replace(",", ""))
    assert 0 < done < 1500
    succeed(place, "photos", "--output", "whole.parquet", "--jobs", "1")
    expected = rows(place / "whole.parquet")
    assert len(expected) == 1500
    found = rows(place / "tags.parquet")
    for path, row in found.items():
        # Another shard makes other batches, which may round in another way.
        assert row.pop("probability") == pytest.approx(expected[path].pop("probability"), abs=1e-5)
    assert found == expected
    assert {path.name for path in place.iterdir()} == {
        *("models", "photos", "tags.parquet", "whole.parquet")
    }


@pytest.mark.slow
def test_ctrl_c_ends_it_in_one_line_and_the_next_run_goes_on(place):
    make_pictures(place / "photos", 1500)
    command = ("photos", "--output", "tags.parquet", "--jobs", "2")
    status, said = killed_after_a_part(place, *command, by=signal.SIGINT)
    assert (status, said) == (130, "interrupted; no file is half-written\n")
    assert "tags.parquet: 1,500 pictures" in succeed(place, *command)


@pytest.mark.slow
def test_two_runs_do_not_write_one_table(place):
    make_pictures(place / "photos", 1500)
    command = ("photos", "--output", "tags.parquet", "--jobs", "1")
    first = start(place, *command)
    while not parts(place):
        assert first.poll() is None, first.communicate()
        time.sleep(0.002)
    first.send_signal(signal.SIGSTOP)
    assert refused(place, *command) == ("tags.parquet: another run writes it; wait for its end")
    first.send_signal(signal.SIGCONT)
    said, complaints = first.communicate(timeout=120)
    assert (first.returncode, complaints) == (0, "")
    assert said.startswith("tags.parquet: 1,500 pictures")


class Deadly(Asked):
    """What answers, in processes that a picture named deadly kills."""

    @property
    def with_features(self) -> bool:
        def read(path: str, size: int | None) -> bytes:
            if "deadly" in path:
                os.kill(os.getpid(), signal.SIGKILL)
            return Path(path).read_bytes()

        answering.sources.read = read
        return False


def listed(folder: Path) -> pa.Table:
    return sources.pictures(str(folder))


def answered(shards: list[Shard], asked: Asked, done, jobs=2) -> list[tuple[Shard, pa.Table]]:
    with workers.Processes(asked, table.ANSWERS, jobs) as processes:
        return list(processes.run(shards, done))


@pytest.mark.slow
def test_a_picture_that_kills_its_process_has_an_error_and_the_others_are_answered(place):
    shutil.copy(place / "photos/0/0000.png", place / "photos/1/deadly.png")
    pictures = listed(place / "photos")
    asked = Deadly(place / "models", None, place / "models/cnn.onnx", False)
    shards = [
        Shard(np.arange(start, min(start + 16, 31)), pictures.slice(start, 16)) for start in (0, 16)
    ]
    told = []
    found = answered(shards, asked, told.append)
    assert sum(told) == 31
    positions = np.concatenate([shard.positions for shard, _ in found])
    assert sorted(positions.tolist()) == list(range(31))
    for shard, made in found:
        assert made["path"].to_pylist() == pictures["path"].take(shard.positions).to_pylist()
    errors = pa.concat_tables([made for _, made in found]).to_pylist()
    (bad,) = [row for row in errors if row["error"]]
    assert bad["path"].endswith("deadly.png")
    assert bad["error"] == "not answered: its process was killed each time; out of memory?"

    # On a node of a cluster, too.
    cluster = pytest.importorskip("fashion_mnist.tagging.cluster", reason="no Ray")
    node = cluster._Node(asked, table.ANSWERS, place)
    given = {cluster.NUMBER: 3, cluster.CONTENT: cluster._to_bytes(pictures)}
    rows = cluster._from_bytes(node(given)[cluster.CONTENT])
    assert rows["path"].to_pylist() == pictures["path"].to_pylist()
    assert [row for row in rows.to_pylist() if row["error"]] == [bad]


@pytest.mark.slow
def test_a_process_that_is_killed_by_chance_loses_nothing(place):
    pictures = listed(place / "photos")
    asked = Asked(place / "models", None, place / "models/cnn.onnx", False)
    shards = [Shard(np.arange(15 * at, 15 * at + 15), pictures.slice(15 * at, 15)) for at in (0, 1)]
    killed = []

    def kill_once(count: int) -> None:
        if not killed:
            killed.extend(workers.multiprocessing.active_children())
            for process in killed:
                process.kill()

    # One process: another that still loads the models could not be told from one that can't.
    found = answered(shards, asked, kill_once, jobs=1)
    assert killed
    assert sorted(np.concatenate([shard.positions for shard, _ in found]).tolist()) == [*range(30)]


@pytest.mark.slow
def test_models_that_do_not_load_in_a_process_end_the_run(place):
    (place / "models/cnn.onnx").write_bytes(b"")
    asked = Asked(place / "models", None, place / "models/cnn.onnx", False)
    shard = Shard(np.arange(30), listed(place / "photos"))
    with pytest.raises(workers.InputError, match="ended while it loaded the models"):
        answered([shard], asked, lambda count: None)


def test_of_two_rows_about_a_picture_that_of_the_later_file_counts(place):
    pictures = listed(place / "photos")
    made = Answering(Asked(place / "models", None, None, False))
    old = made.rows(pictures, lambda count: None)
    new = old.set_column(3, "class", pa.array(["new"] * 30)).slice(5, 10)
    for name, of_file in (("0.parquet", old), ("1.parquet", new)):
        table.write(place / name, of_file)
    earlier = [place / "0.parquet", place / "1.parquet"]
    planned = plan.Plan(pictures, earlier, made.sha256, again=False)
    assert planned.owners.tolist() == [0] * 5 + [1] * 10 + [0] * 15
    assert planned.outdated == 0


@pytest.fixture(scope="module")
def bucket():
    """The environment in which s3://pictures is a bucket of moto's server, on loopback."""
    pytest.importorskip("moto", reason="`make .venv/s3` installs it")
    requests = pytest.importorskip("requests")
    command = [Path(sys.executable).with_name("moto_server"), "-H", "127.0.0.1", "-p", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    url = next(line for line in server.stderr if "Running on" in line).split()[-1]
    # It says something of each request; unread, the pipe would be full after some.
    reader = subprocess.Popen(["cat"], stdin=server.stderr, stdout=subprocess.DEVNULL)
    session = requests.Session()
    # The server looks at the name alone.
    session.headers["Authorization"] = (
        "AWS4-HMAC-SHA256 Credential=made/20260101/us-east-1/s3/aws4_request"
    )

    def put(key: str, content: bytes) -> None:
        session.put(f"{url}/pictures{key}", data=content, timeout=30).raise_for_status()

    try:
        put("", b"")
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        yield put, {"AWS_ENDPOINT_URL": url, **dict.fromkeys(names, "made")}
    finally:
        for process in (server, reader):
            process.kill()
            process.wait()


@pytest.mark.slow
def test_pictures_in_a_bucket_are_tagged_as_those_in_a_folder(place, bucket):
    put, environment = bucket
    succeed(place, "photos", "--output", "local.parquet")
    for path in sorted((place / "photos").rglob("*.png")):
        put(f"/{path.relative_to(place).as_posix()}", path.read_bytes())
    put("/photos/notes.txt", b"no picture")
    put("/photos/broken.png", b"no picture")
    said = succeed(place, "s3://pictures/photos", "--output", "tags.parquet", **environment)
    assert "31 pictures" in said
    found = rows(place / "tags.parquet")
    assert found.pop("s3://pictures/photos/broken.png")["error"].startswith("not a picture")
    for path, row in rows(place / "local.parquet").items():
        remote = found[f"s3://pictures/{path}"]
        assert remote["bytes"] == row["bytes"]
        assert remote["modified"] is not None
        for key in ("class", "model", "model_sha256", "sure", "error"):
            assert remote[key] == row[key]
    again = ("s3://pictures/photos/", "--output", "tags.parquet")
    assert "; 0 done now" in succeed(place, *again, **environment)
    put("/photos/0/0003.png", (place / "photos/0/0004.png").read_bytes())
    assert "; 1 done now" in succeed(place, *again, **environment)
    (place / "list.txt").write_text("s3://pictures/photos/0/0001.png\ns3://pictures/gone.png\n")
    succeed(place, "list.txt", "--output", "listed.parquet", **environment)
    errors = [row["error"] for row in rows(place / "listed.parquet").values()]
    assert errors[1] is None
    assert errors[0].startswith("not read: Path does not exist")


@pytest.mark.slow
def test_a_listing_of_many_pages_is_whole(place, bucket):
    put, environment = bucket
    for at in range(2100):  # S3 lists a thousand keys a page
        put(f"/many/{at // 700}/{at:04}.png", b"")
    done = tag(place, "s3://pictures/many", "--output", "tags.parquet", **environment)
    assert done.stdout.startswith("tags.parquet: 2,100 pictures")
    assert len(rows(place / "tags.parquet")) == 2100


@pytest.mark.slow
def test_a_bucket_that_can_not_be_listed_is_one_line(place, bucket):
    _, environment = bucket
    output = ("--output", "tags.parquet")
    complaint = refused(place, "s3://nowhere/photos", *output, **environment)
    assert complaint.startswith("s3://nowhere/photos: ")
    assert "The specified bucket does not exist; check the bucket, the network" in complaint
    complaint = refused(place, "s3://pictures/nothing", *output, **environment)
    assert complaint == "s3://pictures/nothing: not found; check the bucket and the prefix"
    closed = {**environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    complaint = refused(place, "s3://pictures/photos", *output, **closed)
    assert "Could not connect to server; check the bucket, the network" in complaint
    (place / "list.txt").write_text("s3://pictures/a.png\ns3://pictures/b.png\n")
    complaint = refused(place, "list.txt", *output, **closed)
    assert complaint.startswith("s3://pictures: ")
