"""What `dvc` does with the pipeline, in temporary repositories."""

import csv
import io
import json
import re
import shutil
import sys
import time

import pytest
import yaml
from conftest import ROOT, STAGES, Repository, new_repository, stages_run, with_all_models

# What runs after train_mlp; the model of photographs is made of nothing that was trained here.
OTHER_PROJECTS = ("experiments", "photographs", "r")
TRAINED = [stage for stage in STAGES[3:] if stage != "photographs"]


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        ({"mlp": {"hidden_units": [16]}}, ["train_mlp", "evaluate", "export"]),
        ({"cnn": {"members": 2, "dropout_rate": 0.25}}, TRAINED[1:]),
        (
            {"export": {"quantization_images": 100, "mirror_averaged": True}},
            ["export", "similar_items"],
        ),
        (
            {
                "normalize": {"sample_rows": 2},
                "evaluate": {"mistakes_shown": 2},
                "feature_maps": {"maps_shown": 2},
                "similar_items": {"items_shown": 3},
            },
            ["normalize", "evaluate", "feature_maps", "similar_items"],
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_change_reruns_what_it_touches_and_its_return_runs_nothing(finished, change, stages):
    before = finished.outputs()
    original = (finished.folder / "params.yaml").read_bytes()
    finished.set_params(**change)
    assert finished.repro() == ["check_params", *stages]
    assert finished.outputs() != before

    (finished.folder / "params.yaml").write_bytes(original)
    assert finished.repro() == []
    assert finished.outputs() == before
    assert finished.run("git", "status", "--porcelain").stdout == ""


def test_a_model_is_trained_when_its_section_comes_and_gone_when_it_goes(finished):
    params, before = finished.folder / "params.yaml", finished.outputs()
    default = params.read_text()
    params.write_text(with_all_models(default))
    refused = finished.run("dvc", "repro", check=False).stderr
    assert "dvc.yaml: stage train_linear is not there, but params.yaml has the models" in refused
    finished.run(sys.executable, "-m", "fashion_mnist.dvc_yaml")
    added = ["train_linear", "train_resnet"]
    assert finished.repro() == ["check_params", *added, "evaluate", "export"]
    outputs = finished.outputs()
    models = ["mlp", "cnn", "linear", "resnet"]
    assert list(json.loads(outputs["metrics/evaluate.json"])) == models
    assert list(json.loads(outputs["metrics/comparison.json"])) == [
        f"{name}_against_{base}" for at, base in enumerate(models) for name in models[at + 1 :]
    ]
    for name in models:
        assert json.loads(outputs[f"models/{name}.json"])["params"].keys() == {"train", name}
        assert {f"models/{name}.onnx", f"plots/predictions_{name}.csv"} <= outputs.keys()

    params.write_text(default)
    finished.run(sys.executable, "-m", "fashion_mnist.dvc_yaml")
    finished.repro()
    assert {**finished.outputs(), **before} == finished.outputs()


def test_another_folder_gets_the_same_bytes(finished, tmp_path):
    other = new_repository(tmp_path / "elsewhere")
    assert other.repro() == STAGES[2:]
    outputs, others = finished.outputs(), other.outputs()
    assert outputs.keys() == others.keys()
    assert [name for name in outputs if outputs[name] != others[name]] == []


def test_an_experiment_in_a_clean_clone_is_shown_compared_and_reported(finished, tmp_path):
    clone = Repository(tmp_path / "clone")
    finished.run("git", "clone", "--quiet", str(finished.folder), str(clone.folder))
    # The dataset comes from the first repository's cache, because a download needs a network.
    clone.dvc("cache", "dir", "--local", str(finished.folder / ".dvc" / "cache"))
    nobody = {"HOME": str(tmp_path), "GIT_CONFIG_GLOBAL": "/dev/null"}

    done = clone.dvc("exp", "run", "--name", "longer", "--set-param", "train.epochs=2", env=nobody)
    assert stages_run(done) == ["check_params", *TRAINED]

    shown = list(csv.DictReader(io.StringIO(clone.dvc("exp", "show", "--csv", env=nobody))))
    epochs = {row["Experiment"] or row["rev"]: row["train.epochs"] for row in shown}
    assert epochs["longer"] == "2"
    accuracy = {row["Experiment"] or row["rev"]: row["cnn.accuracy"] for row in shown}
    assert all(0 <= float(value) <= 1 for value in accuracy.values())

    params = json.loads(clone.dvc("params", "diff", "--json", env=nobody))
    assert params == {"params.yaml": {"train.epochs": {"old": 1, "new": 2, "diff": 1}}}
    metrics = json.loads(clone.dvc("metrics", "diff", "--all", "--json", env=nobody))
    compared = metrics["metrics/evaluate.json"]
    assert {"mlp.accuracy", "cnn.accuracy", "cnn.classes.Bag.f1"} <= compared.keys()
    assert compared["mlp.loss"]["new"] != compared["mlp.loss"]["old"]

    report = ("-m", "fashion_mnist.report", "--base", "HEAD", "--output", "report")
    assert "| train.epochs | 1 | 2 |" in clone.run(sys.executable, *report, env=nobody).stdout
    assert (clone.folder / "report" / "new_mistakes_cnn.png").stat().st_size > 1000
    page = (clone.folder / "report" / "plots" / "index.html").read_text()
    for title in ("Training of the CNN", "Confusion matrix of the CNN"):
        plot = page.partition(f'"{title}"')[0].rpartition("<script")[2]
        plot += page.partition(f'"{title}"')[2].partition("</script>")[0]
        revisions = set(re.findall(r'"rev": "([^"]+)"', plot))
        assert len(revisions) == 2
        assert "workspace" in revisions
    # Samples are those of the data, which is the same.
    pictures = len(list((clone.folder / "plots").glob("*.png")))
    assert page.count("<img") + page.count("the same picture") == 2 * pictures
    samples = page.partition("<p>plots/samples.png</p>")[2]
    assert "the same picture" in samples.partition("<p>plots/")[0]
    curves = page.partition("<p>plots/curves.png</p>")[2].partition("<p>plots/")[0]
    assert curves.count("<img") == 2


def test_the_page_of_plots_has_charts_and_whole_pictures_without_the_web(finished, browser):
    finished.set_params(evaluate={"mistakes_shown": 2})
    finished.repro()
    report = (sys.executable, "-m", "fashion_mnist.report", "--base", "HEAD", "--output", "report")
    finished.run(*report, env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    with browser.new_context(viewport={"width": 1280, "height": 800}, offline=True) as context:
        page = context.new_page()
        page.goto((finished.folder / "report/plots/index.html").as_uri())
        page.wait_for_selector(".vega-embed canvas, .vega-embed svg")
        assert page.locator(".vega-embed").count() == 4
        assert page.locator("img").count() > len(list((finished.folder / "plots").glob("*.png")))
        rights = page.evaluate("[...document.images].map(i => i.getBoundingClientRect().right)")
        assert max(rights) <= 1280
        assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")


def test_a_grid_of_four_runs_at_the_same_time_and_is_told_apart(finished):
    grid = ("--set-param", "evaluate.mistakes_shown=2,3")
    grid += ("--set-param", "evaluate.predictions_shown=2,3")
    finished.dvc("exp", "run", "--queue", *grid)
    finished.dvc("exp", "run", "--queue", "--name", "wrong", "-S", "train.epochs=-1")
    finished.dvc("queue", "start", "--jobs", "4")
    deadline = time.monotonic() + 250
    while "Queued" in (status := finished.dvc("queue", "status")) or "Running" in status:
        assert time.monotonic() < deadline, status
        time.sleep(5)  # the question takes the processor longer than a second
    assert (status.count("Success"), status.count("Failed")) == (4, 1), status
    logs = finished.run("dvc", "queue", "logs", "wrong")
    assert "error: params.yaml: train.epochs = -1: expected" in logs.stdout + logs.stderr

    lines = _make("experiments", finished, {"COLUMNS": "40"}).splitlines()
    assert {"State", "evaluate.mistakes_shown", "evaluate.predictions_shown"} <= {*lines[1].split()}
    rows = [
        re.split(r"  +", line.strip(" │├└─")) for line in lines if " ─ " in line or "──" in line
    ]
    found = [row for row in rows if "[" in row[0]]
    assert len({tuple(row[-2:]) for row in found if "Failed" not in row}) == 4, lines
    assert sum("Failed" in row for row in found) == 1


def _make(target: str, repository: Repository, environment: dict[str, str]) -> str:
    """Run a target of the Makefile in a repository with another environment."""
    (repository.folder / ".venv").symlink_to(sys.prefix)
    makefile = str(ROOT / "Makefile")
    command = ("make", "--file", makefile, "--old-file", ".venv/installed", "--silent", target)
    # The make that runs these tests tells its own to print the folder.
    return repository.run(*command, env={**environment, "MAKEFLAGS": ""}).stdout


def test_a_saved_experiment_leaves_the_results_of_the_other_projects(finished):
    """`dvc exp save` writes what every stage would have read now into its lock."""
    for name in OTHER_PROJECTS:
        ignored = shutil.ignore_patterns("cache", "tmp", "folds", "data", "searches", "models")
        shutil.copytree(ROOT / name, finished.folder / name, ignore=ignored, dirs_exist_ok=True)
    finished.commit("The other projects")
    with (finished.folder / "fashion_mnist/training/fit.py").open("a") as file:
        file.write("# Another recipe.\n")
    finished.dvc("exp", "save")
    changed = finished.run("git", "diff", "--name-only", "HEAD").stdout.split()
    assert "dvc.lock" in changed
    assert [name for name in changed if name.startswith(OTHER_PROJECTS)] == []


def test_stages_write_what_dvc_yaml_says_and_nothing_else(finished):
    declared = set(finished.dvc("ls", "--recursive", "--dvc-only", ".").split())
    declared |= {
        next(iter(entry))
        for stage in yaml.safe_load((finished.folder / "dvc.yaml").read_text())["stages"].values()
        for entry in [*stage.get("metrics", []), *stage.get("plots", [])]
    }
    assert finished.outputs().keys() == declared


def test_git_has_the_results_and_the_cache_has_data_and_models(finished):
    tracked = finished.run("git", "ls-files").stdout.split()
    assert {name.split("/")[0] for name in tracked} >= {"metrics", "plots"}
    assert not {name.split("/")[0] for name in tracked} & {"data", "models"}
    models = {path.name for path in (finished.folder / "models").iterdir()}
    assert {"cnn.keras", "mlp.keras", "cnn.onnx", "mlp.onnx", "similar"} <= models
    shutil.rmtree(finished.folder / "models")
    finished.dvc("checkout")
    assert {path.name for path in (finished.folder / "models").iterdir()} == models


def test_the_graph_joins_the_stages_and_each_has_a_description(finished):
    graph = finished.dvc("dag", "--dot")
    for edge in (
        '"check_params" -> "download"',
        '"download" -> "normalize"',
        '"normalize" -> "train_mlp"',
        '"normalize" -> "train_cnn"',
        '"train_mlp" -> "evaluate"',
        '"train_cnn" -> "evaluate"',
        '"train_cnn" -> "feature_maps"',
        '"train_mlp" -> "export"',
        '"export" -> "similar_items"',
    ):
        assert edge in graph
    described = finished.dvc("stage", "list").splitlines()
    assert len(described) == len(STAGES)
    assert not [line for line in described if "Outputs" in line], described
