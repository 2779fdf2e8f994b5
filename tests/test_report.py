"""The report on real Git histories."""

import copy
import json
import re
import shutil
import subprocess

import pytest
import yaml
from conftest import ROOT, SPEC
from histories import MODELS, branch

from fashion_mnist.errors import InputError
from fashion_mnist.report import dvc_lock


@pytest.mark.slow
def test_an_honest_improvement_is_better(history, run):
    branch(history)
    history.flip(to_right=120, to_wrong=20)
    history.commit()
    found, status = run("--base", "main", "--fail-on", "worse")
    assert (found["verdict"], status) == ("better", 0)
    cnn = found["models"]["cnn"]["metrics"]["accuracy"]
    assert cnn["change"] == pytest.approx(0.01)
    assert 0 < cnn["low"] < 0.01 < cnn["high"]
    assert found["models"]["mlp"]["status"] == "unchanged: the same predictions"
    text, _ = run("--base", "main", markdown=True)
    assert text.startswith("## 🟢 Better: CNN accuracy +1.00 points\n")


@pytest.mark.slow
def test_a_loss_is_worse_and_closes_the_gate_unless_tolerated(history, run):
    branch(history)
    for name in SPEC.classes:  # too few of each class to be measurable
        history.flip(to_wrong=6, wrong_class=name)
    history.commit()
    found, status = run("--base", "main", "--fail-on", "worse")
    assert (found["verdict"], status) == ("worse", 3)
    assert run("--base", "main", "--fail-on", "worse", "--threshold", "1.0")[1] == 0
    assert run("--base", "main", "--fail-on", "worse", "--threshold", "0.5")[1] == 3
    assert run("--base", "main")[1] == 0


@pytest.mark.slow
def test_another_seed_is_no_progress_however_lucky(history, run):
    branch(history)
    history.flip(to_right=70, to_wrong=20)
    history.train_with_seed(7)
    history.commit()
    found, _ = run("--base", "main")
    assert found["verdict"] == "no measurable change"
    assert "CNN: only the training seed changed: no progress." in found["notes"]
    assert found["params"] == [{"key": "train.seed", "base": 0, "now": 7}]


@pytest.mark.slow
def test_a_seed_excuses_no_collapse(history, run):
    branch(history)
    history.flip(to_wrong=8000)
    history.train_with_seed(7)
    history.commit()
    found, status = run("--base", "main", "--fail-on", "worse")
    assert (found["verdict"], status) == ("worse", 3)
    assert "CNN: only the training seed changed, but no seed explains so much." in found["notes"]


def test_a_change_cannot_widen_the_spread_that_it_is_judged_by(history, run):
    branch(history)
    history.spread["cnn"]["two_runs_differ_by"]["accuracy"] = 0.5
    for name in SPEC.classes:
        history.flip(to_wrong=6, wrong_class=name)
    history.commit()
    accuracy = run("--base", "main")[0]["models"]["cnn"]["metrics"]["accuracy"]
    assert accuracy["verdict"] == "worse"


def test_a_change_within_the_spread_of_seeds_is_no_change_though_the_images_differ(history, run):
    spread = history.spread["cnn"]
    of_sd = spread["two_runs_differ_by"]["accuracy"] / spread["sd"]["accuracy"]
    spread["two_runs_differ_by"]["accuracy"], spread["sd"]["accuracy"] = 0.004, 0.004 / of_sd
    branch(history)
    history.flip(to_right=35, to_wrong=5)
    history.commit()
    found, _ = run("--base", "main")
    accuracy = found["models"]["cnn"]["metrics"]["accuracy"]
    assert accuracy["p"] < 0.001
    assert found["verdict"] == "no measurable change"


def test_an_unknown_spread_of_seeds_is_noted(history, run):
    history.spread = None
    branch(history)
    history.flip(to_right=35, to_wrong=5)
    history.commit()
    found, _ = run("--base", "main")
    assert found["verdict"] == "better"
    assert any("spread between training seeds is unknown" in note for note in found["notes"])


@pytest.mark.slow
def test_a_spread_of_another_recipe_is_noted(history, run):
    history.spread["recipe"] = dvc_lock.recipe(history.lock, MODELS)
    branch(history)
    history.flip(to_right=35, to_wrong=5)
    for stage in ("train_mlp", "train_cnn"):
        history.lock["stages"][stage]["params"]["params.yaml"]["train"]["epochs"] = 50
    history.commit()
    assert run("--base", "main")[0]["notes"] == []  # the base's recipe
    history.git("checkout", "--quiet", "-B", "main")
    history.spread["recipe"]["train.epochs"] = 100
    branch(history, "another")
    history.flip(to_right=35, to_wrong=5)
    history.commit()
    [note] = run("--base", "main")[0]["notes"]
    assert "measured with another recipe: train.epochs differ;" in note


@pytest.mark.slow
def test_a_class_that_pays_for_the_others_is_named(history, run):
    branch(history)
    history.flip(to_right=130, to_wrong=130, wrong_class="Bag")
    history.commit()
    found, status = run("--base", "main", "--fail-on", "worse")
    assert (found["verdict"], status) == ("worse", 3)
    assert found["models"]["cnn"]["metrics"]["accuracy"]["change"] == 0
    assert found["models"]["cnn"]["classes"]["Bag"]["newly_wrong"] == 130
    assert run("--base", "main", "--fail-on", "worse", "--threshold", "5")[1] == 3
    text, _ = run("--base", "main", markdown=True)
    assert text.startswith("## 🔴 Worse: CNN accuracy has no measurable change, but Bag worse\n")


def test_a_gain_that_one_class_pays_for_is_mixed(history, run):
    branch(history)
    history.flip(to_right=300, to_wrong=100, wrong_class="Bag")
    history.commit()
    found, status = run("--base", "main", "--fail-on", "mixed")
    assert (found["verdict"], status) == ("mixed", 3)


def test_without_a_change_no_stage_ran_and_no_model_differs(history, run):
    branch(history)
    history.commit()
    found, _ = run("--base", "main")
    assert found["verdict"] == "no measurable change"
    assert set(found["stages"]) == set(history.lock["stages"])
    assert not any(found["stages"].values())


@pytest.mark.slow
def test_the_working_tree_counts_before_it_is_committed(history, run):
    history.commit()
    history.flip(to_right=200)
    history.write()
    assert run("--base", "main")[0]["verdict"] == "better"
    assert run("--base", "main")[0]["now"] == "the working tree"


def test_new_removed_and_renamed_models_are_told_apart(history, run):
    branch(history)
    for tables in (history.tables, history.evaluation):
        tables["resnet"] = tables.pop("cnn")
    (history.folder / "plots/predictions_cnn.csv").unlink()
    history.commit()
    found, _ = run("--base", "main")
    assert found["models"]["resnet"]["status"] == "renamed from cnn, the same predictions"
    assert "cnn" not in found["models"]

    history.flip(to_right=10, model="resnet")
    history.commit()
    found, status = run("--base", "main", "--fail-on", "no-baseline")
    assert found["models"]["resnet"]["status"] == "new: no baseline"
    assert (found["verdict"], status) == ("no baseline", 3)
    text, _ = run("--base", "main", markdown=True)
    assert "RESNET new: no baseline" in text.splitlines()[0]


def test_a_changed_test_set_is_not_compared_image_by_image(history, run):
    branch(history)
    history.flip(to_right=120)
    for stage in history.lock["stages"].values():
        for entry in [*stage["deps"], *stage["outs"]]:
            if entry["path"] == "data/test":
                entry["md5"] = "0" * 32
    history.commit()
    found, _ = run("--base", "main")
    assert any("test set changed" in note for note in found["notes"])
    assert "p" not in found["models"]["cnn"]["metrics"]["accuracy"]


def test_an_old_base_with_the_comparison_among_its_models_is_read(history, run):
    comparison = json.loads((ROOT / "metrics/comparison.json").read_text())
    history.evaluation |= comparison
    branch(history)
    for name in comparison:
        del history.evaluation[name]
    history.flip(to_right=120)
    history.commit()
    found, _ = run("--base", "main")
    assert found["models"].keys() == {"mlp", "cnn"}
    assert (found["verdict"], found["notes"]) == ("better", [])


def test_a_base_without_predictions_is_compared_roughly_and_says_so(history, run):
    tables, history.tables = history.tables, {}
    branch(history)
    history.tables = tables
    history.flip(to_right=300)
    history.commit()
    found, _ = run("--base", "main")
    assert found["verdict"] == "better"
    assert any("CNN: no predictions of the same images" in note for note in found["notes"])


def test_a_base_without_results_is_no_baseline_and_says_why(history, run):
    (history.folder / "README").write_text("the first commit")
    history.git("add", "--all")
    history.git("commit", "--quiet", "--message", "first")
    history.git("switch", "--quiet", "--create", "change")
    history.commit()
    found, status = run("--base", "main", "--fail-on", "no-baseline")
    assert found["verdict"] == "no baseline"
    assert "has no metrics/evaluate.json" in found["reason"]
    assert status == 3


def test_an_unknown_revision_is_no_baseline_and_says_what_to_fetch(history, run):
    history.commit()
    text, status = run("--base", "origin/main", markdown=True)
    assert status == 0
    assert text == (
        "## ⚫ No baseline: revision origin/main is unknown here, and names no branch of a remote; "
        "`git branch --all` and `git tag` list what there is\n"
    )


def test_an_unknown_revision_to_judge_is_an_error(history, run):
    history.commit()
    with pytest.raises(InputError, match="revision nonsense is unknown here"):
        run("--base", "main", "--now", "nonsense")


def test_a_shallow_clone_says_how_to_get_the_rest(history, run, monkeypatch, tmp_path):
    history.commit("old")
    history.git("switch", "--quiet", "--create", "change")
    history.flip(to_right=50)
    history.commit()
    history.git("switch", "--quiet", "main")
    history.flip(to_right=50, model="mlp")
    history.commit("main goes on")
    history.git(
        "clone", "--quiet", "--depth", "1", "--no-single-branch", f"file://{history.folder}", "../s"
    )
    monkeypatch.chdir(tmp_path / "s")
    found, _ = run("--base", "origin/main", "--now", "origin/change")
    assert "this clone is shallow; `git fetch --unshallow` brings the rest" in found["reason"]


@pytest.mark.slow
def test_a_merge_commit_in_a_detached_head_is_compared_with_its_base(history, run):
    branch(history)
    history.flip(to_right=150)
    history.commit()
    history.git("switch", "--quiet", "main")
    (history.folder / "README").write_text("main went on")
    history.git("add", "--all")
    history.git("commit", "--quiet", "--message", "elsewhere")
    history.git("merge", "--quiet", "--no-edit", "change")
    history.git("switch", "--quiet", "--detach", "HEAD")
    history.git("branch", "--force", "main", "HEAD~1")
    found, _ = run("--base", "main")
    assert found["verdict"] == "better"


def test_results_of_other_code_are_called_stale(history, run):
    branch(history)
    (history.folder / "stages").mkdir()
    (history.folder / "stages/evaluate.py").write_text("changed since")
    history.commit()
    found, _ = run("--base", "main")
    assert "stages/evaluate.py changed since `dvc repro` last ran" in found["notes"][0]


@pytest.mark.parametrize("epochs", ["6", "7", "1e: ["])
def test_results_of_other_params_are_called_stale(history, run, epochs):
    params = {}
    for stage in history.lock["stages"].values():
        params |= stage.get("params", {}).get("params.yaml", {})
    params["train"]["epochs"] = 6
    branch(history)
    text = yaml.safe_dump(params).replace("epochs: 6", f"epochs: {epochs}")
    (history.folder / "params.yaml").write_text(text)
    history.commit()
    notes = run("--base", "main")[0]["notes"]
    assert any("params.yaml changed since" in note for note in notes) == (epochs != "6")


def test_a_stage_that_ran_without_the_next_ones_makes_results_stale(history, run):
    branch(history)
    for output in history.lock["stages"]["train_cnn"]["outs"]:
        output["md5"] = "0" * 32
    history.commit()
    notes = run("--base", "main")[0]["notes"]
    assert "models/cnn.keras changed since `dvc repro`" in notes[0]


def test_params_of_one_training_alone_make_results_stale(history, run):
    params = {}
    for stage in history.lock["stages"].values():
        params |= copy.deepcopy(stage.get("params", {}).get("params.yaml", {}))
    params["train"]["epochs"] = 7
    history.lock["stages"]["train_cnn"]["params"]["params.yaml"]["train"]["epochs"] = 7
    branch(history)
    (history.folder / "params.yaml").write_text(yaml.safe_dump(params))
    history.commit()
    assert "params.yaml changed since" in run("--base", "main")[0]["notes"][0]


def test_a_stage_that_the_results_do_not_rest_on_makes_them_not_stale(history, run):
    branch(history)
    (history.folder / "stages").mkdir()
    (history.folder / "stages/export.py").write_text("changed since")
    history.commit()
    assert run("--base", "main")[0]["notes"] == []


@pytest.mark.slow
def test_report_files_are_written(history, run, tmp_path):
    branch(history)
    history.flip(to_right=10)
    history.commit()
    (tmp_path / "out/plots").mkdir(parents=True)
    for left_over in ("new_mistakes_cnn.png", "plots/index.html"):
        (tmp_path / "out" / left_over).write_text("of an earlier report")
    (tmp_path / "out/plots/mine.png").write_text("not of a report")
    run("--base", "main", "--output", str(tmp_path / "out"))
    assert not (tmp_path / "out/new_mistakes_cnn.png").exists()
    assert (tmp_path / "out/plots/mine.png").exists()
    assert not (tmp_path / "out/plots/index.html").exists()
    assert (tmp_path / "out/report.md").read_text().startswith("## ")
    assert json.loads((tmp_path / "out/report.json").read_text())["base"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("report.md", "# Mine"), *(("report.json", content) for content in ("{}", "Mine", "5"))],
)
def test_what_is_no_report_is_not_overwritten(history, run, tmp_path, name, content):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / name).write_text(content)
    with pytest.raises(InputError, match=f"{name}: exists already and is no report; choose"):
        run("--base", "main", "--output", str(folder))
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [(name, content)]
    with pytest.raises(InputError, match=f"{name}: a file; expected --output FOLDER"):
        run("--base", "main", "--output", str(folder / name))


def test_the_stages_of_r_do_not_hide_those_of_the_same_name(history, run):
    """Both pipelines have a stage `evaluate`."""
    branch(history)
    for folder in ("r", "stages"):
        (history.folder / folder).mkdir()
    (history.folder / "r/dvc.lock").write_bytes((ROOT / "r/dvc.lock").read_bytes())
    (history.folder / "stages/evaluate.py").write_text("changed since")
    history.commit()
    found, _ = run("--base", "main")
    assert "stages/evaluate.py changed since `dvc repro` last ran" in found["notes"][0]
    assert {"evaluate", "r/dvc.yaml:evaluate"} <= found["stages"].keys()


def test_results_of_r_that_are_older_than_the_data_are_a_note(history, run):
    (history.folder / "r").mkdir()
    (history.folder / "r/dvc.lock").write_bytes((ROOT / "r/dvc.lock").read_bytes())
    branch(history)
    for path in ("../data/train", "R"):
        text = (history.folder / "r/dvc.lock").read_text()
        before, found, after = text.partition(f"path: {path}\n      hash: md5\n      md5: ")
        (history.folder / "r/dvc.lock").write_text(f"{before}{found}{'0' * 8}{after[8:]}")
    report, _ = run("--base", "main")
    assert report["notes"] == [
        "r/metrics/evaluate_r_cnn.json is older than data/train: its models learned from "
        "something else."
    ]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("dvc.lock", "<<<<<<< HEAD\nstages:\n"),
        ("dvc.lock", "x"),
        ("dvc.lock", "stages:\n  evaluate: 5\n"),
        ("metrics/evaluate.json", "[]"),
        ("metrics/evaluate.json", '{"cnn": 5}'),
        ("metrics/seed_spread.json", "{"),
    ],
)
def test_a_damaged_file_is_named_with_its_side(history, run, path, content):
    history.commit()
    (history.folder / path).write_text(content)
    found, _ = run("--base", "main")
    assert found["verdict"] == "not trustworthy"
    assert found["reason"].startswith(f"{path} of the working tree is not")


def test_the_command_that_the_message_names_brings_the_base(history, run, monkeypatch, tmp_path):
    history.commit()
    history.git("branch", "change")
    history.git("clone", "--quiet", "--single-branch", "--branch", "change", ".", "../single")
    monkeypatch.chdir(tmp_path / "single")
    found, _ = run("--base", "origin/main")
    [command] = re.findall("`(.*)`", found["reason"])
    subprocess.run(command.split(), check=True, capture_output=True)
    assert run("--base", "origin/main")[0]["verdict"] == "no measurable change"


def test_a_revision_by_its_message_is_known(history, run):
    history.commit("the base")
    assert run("--base", ":/the base")[0]["verdict"] == "no measurable change"


def test_a_folder_without_git_and_one_that_git_refuses_are_one_line(run, history, monkeypatch):
    history.commit()
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(InputError, match="dubious ownership"):
        run("--base", "main")
    monkeypatch.delenv("GIT_TEST_ASSUME_DIFFERENT_OWNER")
    shutil.rmtree(history.folder / ".git")
    with pytest.raises(InputError, match="not a git repository"):
        run("--base", "main")
