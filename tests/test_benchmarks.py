"""What measures the project measures what it says; the documents show what was measured."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, SPEC
from test_cnn import cnn_params

from benchmarks import (
    by_processor,
    cost,
    from_scratch,
    measured,
    scaling,
    service_load,
    service_soak,
    speed,
    steps,
)
from benchmarks.hostile import __main__ as hostile
from fashion_mnist.training import cnn
from fashion_mnist.training.tf_keras import keras


def test_multiply_adds_by_hand():
    layers = keras.layers
    images = keras.Input((28, 28, 1))
    x = layers.Conv2D(4, 3, padding="same")(images)  # 28 * 28 positions, 9 weights, 4 filters
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(6, 3, padding="valid")(x)  # 12 * 12 positions, 9 weights of 4 channels
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(images, layers.Dense(10)(x))
    first, second, dense = 784 * 9 * 4, 144 * 9 * 4 * 6, 60
    assert cost.forward(model) == [first, second, dense]
    # Backward, a layer costs as much for its weights and again for its inputs: not the first one.
    assert cost.training(model, images=5, epochs=2) == 10 * (2 * first + 3 * (second + dense))


def test_two_members_cost_twice_as_much():
    alone, two = (cost.training(cnn.build(cnn_params(members=n), SPEC), 10, 3) for n in (1, 2))
    assert two == 2 * alone


def test_the_first_steps_do_not_count():
    recorded = steps.Steps()
    durations = [9.0] * steps.SKIPPED + [1.0, 2.0, 3.0]
    recorded.ends = np.cumsum([0.0, *durations]).tolist()
    assert recorded.median() == 2.0


def test_a_simulated_cluster_by_hand(monkeypatch):
    monkeypatch.setattr(scaling, "LOST_PER_HOUR", 1e-9)
    costs = scaling.Costs(training=60, deviation=0, start=5, bytes=2 * scaling.BANDWIDTH, driver=1)
    rng = np.random.default_rng(0)
    # Three trainings each; the second machine has its images 2 s after the first.
    plan = scaling.simulate(costs, machines=2, trainings=6, rng=rng)
    assert plan == scaling.Planned(seconds=4 + 5 + 3 * 61, sending=4, busy=6, lost=0)
    # A machine for each: the command takes the last result when it has taken those before it.
    costs = costs._replace(bytes=0)
    assert scaling.simulate(costs, 100, 100, rng) == scaling.Planned(165, 0, 100, 0)
    monkeypatch.setattr(scaling, "LOST_PER_HOUR", 60)
    plan = scaling.simulate(costs, 10, 1000, rng)
    # A training survives with a chance of exp(-1), so there are e - 1 losses for each.
    assert 1500 < plan.lost < 2000


@pytest.fixture
def two_kinds(tmp_path, monkeypatch):
    """Times of two kinds of processor, each written by a machine of that kind."""
    monkeypatch.setattr(by_processor, "FOLDER", tmp_path / "times")
    monkeypatch.setattr(measured, "RECORD", tmp_path / "measured.json")

    def write(name: str, **of_kind: dict) -> dict[str, dict]:
        for kind, content in of_kind.items():
            described = {"kind": kind.replace("_", "-"), "model": f"A {kind}", "cores": 2}
            monkeypatch.setattr(by_processor.processor, "describe", lambda d=described: d)
            by_processor.write(name, content)
        return by_processor.read(name)

    return write


def test_a_machine_adds_its_column_and_leaves_the_others(two_kinds):
    found = two_kinds("speed", AVX512_BF16={"a": 1}, AVX2={"a": 2})
    assert list(found) == ["AVX2", "AVX512-BF16"]
    found = two_kinds("speed", AVX2={"a": 3}, POWER={"a": 4})
    assert [of_kind["a"] for of_kind in found.values()] == [3, 1, 4]
    found = two_kinds("held", **{"AVX512_BF16": {}, "AVX2 on AVX512_BF16": {}, "AVX2": {}})
    assert list(found) == ["AVX2", "AVX2 on AVX512-BF16", "AVX512-BF16"]
    assert "`AVX2 on AVX512-BF16`: the faster processor" in by_processor.machines(found)
    found = two_kinds("speed", AVX2={"a": 3})
    line = by_processor.machines(found)
    assert line.startswith("Measured on: AVX2: 2 cores of A AVX2; AVX512-BF16: 2 cores of A AV")


def test_the_documents_of_times_show_the_committed_times(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert Path("docs/speed.md").read_text() == speed.document(by_processor.read("speed"))
    from_nothing = by_processor.read("from_scratch")
    for of_kind in from_nothing.values():
        assert set(of_kind["parts"]) <= {"packages", *from_scratch.STAGES}, "a stage without a row"
    made = from_scratch.document(from_nothing)
    assert Path("docs/from_scratch.md").read_text() == made
    made = scaling.document(by_processor.read("scaling"))
    assert Path("docs/scaling.md").read_text() == made
    made = service_load.document(by_processor.read("service_load"))
    assert Path("docs/service_load.md").read_text() == made
    made = hostile.document(by_processor.read("hostile"))
    assert Path("docs/hostile.md").read_text() == made
    made = service_soak.document(by_processor.read("service_soak"))
    assert Path("docs/service_soak.md").read_text() == made


def test_the_document_of_tagging_shows_the_committed_times(monkeypatch):
    pytest.importorskip("pyarrow", reason="`make .venv/tag` installs it")
    pytest.importorskip("faiss", reason="`make .venv/tag` installs it")
    from benchmarks import tagging_document

    monkeypatch.chdir(ROOT)
    assert Path("docs/tagging.md").read_text() == tagging_document.document()


def test_a_document_is_older_than_what_changed_since(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    shutil.copytree(ROOT / "datasets", "datasets")
    Path("code.py").write_text("first")
    Path("other.py").write_text("first")
    measured.RECORD.parent.mkdir()
    measured.record(Path("docs/one.md"), "code.py", "params.yaml: train")
    measured.record(Path("docs/two.md"), "other.py", "params.yaml: cnn")
    assert measured.older() == {}
    Path("code.py").write_text("second")
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("batch_size:", "batch_size: 7 #"))
    assert measured.older() == {"docs/one.md": ["code.py", "params.yaml: train"]}
    measured.record(Path("docs/one.md"), "code.py", "params.yaml: train")
    assert measured.older() == {}


def test_every_measured_document_says_what_it_measured():
    known = json.loads((ROOT / measured.RECORD).read_text())
    documents = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")
                 if "Made by `python -m benchmarks" in path.read_text()}  # fmt: skip
    by_kind = {"docs/speed.md", "docs/from_scratch.md", "docs/service_load.md", "docs/scaling.md"}
    by_kind |= {"docs/hostile.md", "docs/service_soak.md"}
    assert documents - by_kind == {"docs/pictures.md", "docs/report_errors.md"}
    times = {path.relative_to(ROOT).as_posix()
             for path in (ROOT / by_processor.FOLDER).rglob("*.json")}  # fmt: skip
    reports = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/reports").glob("*.md")}
    others = {"docs/page.png", "docs/labels.md", "docs/layers.md", "metrics/seed_spread.json"}
    others.add("benchmarks/photographs.json")
    assert known.keys() == (documents - by_kind) | times | reports | others
