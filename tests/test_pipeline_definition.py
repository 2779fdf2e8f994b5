"""dvc.yaml agrees with the code: every import is a dep, every section that is read is a param."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, with_all_models

from fashion_mnist.dvc_yaml import import_closure
from fashion_mnist.params import whole

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
MODELS = {name.removeprefix("train_") for name in STAGES if name.startswith("train_")}
# The models whose sections are commented out.
OFF = [name for name, field in whole.Params.model_fields.items() if name not in PARAMS]
CHECK = "data/params_checked.txt"
DATASET = "datasets/${dataset.name}.yaml"
LIST = "data/models.json"  # of models, whose change reruns the stages that read every model
DESCRIPTION = "data/dataset.json"  # of the splits, beside which `splits.load` reads it
# Imports each stage as if it were the first one, so packages of others are loaded only once.
IMPORT_STAGES = """
import importlib, json, sys
from pathlib import Path

root, imported = Path.cwd(), {}
for stage in sys.argv[1:]:
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ("stages", "fashion_mnist"):
            del sys.modules[name]
    importlib.import_module(f"stages.{stage}")
    files = [Path(m.__file__) for m in sys.modules.values() if getattr(m, "__file__", None)]
    imported[stage] = [
        file.relative_to(root).as_posix()
        for file in files
        if file.is_relative_to(root) and ".venv" not in file.parts
    ]
print(json.dumps(imported))
"""


def script(stage: str) -> Path:
    return ROOT / "stages" / f"{stage}.py"


def code_deps(stage: str) -> set[str]:
    return {dep for dep in STAGES[stage]["deps"] if dep.endswith(".py")}


@pytest.mark.parametrize("stage", STAGES)
def test_code_deps_are_the_import_closure(stage, monkeypatch):
    monkeypatch.chdir(ROOT)
    closure = import_closure(Path("stages") / f"{stage}.py")
    assert code_deps(stage) == {path.as_posix() for path in closure}


@pytest.mark.slow
def test_every_file_that_python_imports_for_a_stage_is_a_dep():
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_STAGES, *STAGES], cwd=ROOT, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    for stage, imported in json.loads(done.stdout).items():
        assert f"stages/{stage}.py" in imported
        assert set(imported) - code_deps(stage) == set(), stage


@pytest.fixture
def copy(tmp_path) -> Path:
    """A copy of dvc.yaml, of the code that it names and of the params."""
    for file in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / file, tmp_path)
    for folder in ("stages", "fashion_mnist", "datasets"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    return tmp_path


def write_dependencies(folder: Path) -> list[str]:
    """Run the command, and return the lines that it prints."""
    command = [sys.executable, "-m", "fashion_mnist.dvc_yaml"]
    done = subprocess.run(command, cwd=folder, text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_writing_the_dependencies_again_changes_no_byte(copy):
    before = (copy / "dvc.yaml").read_bytes()
    assert write_dependencies(copy) == []
    assert (copy / "dvc.yaml").read_bytes() == before


def test_writing_the_dependencies_follows_the_imports_and_touches_nothing_else(copy):
    path = copy / "dvc.yaml"
    before = path.read_text()
    path.write_text(before.replace("    - fashion_mnist/files.py\n", "    - old.py\n"))
    write_dependencies(copy)
    assert path.read_text() == before
    (copy / "stages" / "helper.py").write_text("")
    evaluate = copy / "stages" / "evaluate.py"
    evaluate.write_text(f"import stages.helper\n{evaluate.read_text()}")
    write_dependencies(copy)
    added = [line for line in path.read_text().splitlines() if line not in before.splitlines()]
    assert added == ["    - stages/helper.py"]


def about(model: str, stage: dict) -> set[str]:
    """Return what a stage reads and writes of a model, without the model's name."""
    kinds = ("deps", "params", "outs", "metrics", "plots")
    entries = [json.dumps(entry) for kind in kinds for entry in stage.get(kind, [])]
    name = re.compile(rf"(the )?(?<![a-z]){model}(?![a-z])", re.IGNORECASE)
    return {name.sub("*", entry) for entry in entries if name.search(entry) and ".py" not in entry}


def test_a_model_is_in_the_pipeline_where_its_section_is_in_the_params(copy):
    definition, params = copy / "dvc.yaml", copy / "params.yaml"
    before, default = definition.read_bytes(), params.read_text()
    params.write_text(with_all_models(default))
    assert write_dependencies(copy) == [f"dvc.yaml: with train_{name}" for name in OFF]
    stages = yaml.safe_load(definition.read_text())["stages"]
    assert stages.keys() == STAGES.keys() | {f"train_{name}" for name in OFF}
    for name in OFF:
        stage = stages[f"train_{name}"]
        assert stage["cmd"] == f"python3 -m stages.train_{name}"
        assert f"fashion_mnist/training/{name}.py" in stage["deps"]
        assert set(stage["params"]) == sections_loaded(script(f"train_{name}"))
        assert about(name, stage) == about("mlp", STAGES["train_mlp"])
        for reader in ("evaluate", "export"):
            assert about(name, stages[reader]) == about("mlp", STAGES[reader]) != set()
    params.write_text(default)
    said = [line.partition(";")[0] for line in write_dependencies(copy)]
    assert said == [f"dvc.yaml: without train_{name}" for name in OFF]
    assert definition.read_bytes() == before


def data_named(file: Path) -> set[str]:
    """Return the files and folders of data that a script names."""
    named = {
        node.value
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {name for name in named if re.fullmatch(r"data(/[\w.]+)?", name)}


@pytest.mark.parametrize("stage", STAGES)
def test_scripts_open_no_data_but_what_they_declare(stage):
    """Above all the test images, from which no model may learn."""
    made = {out for out in STAGES[stage].get("outs", []) if out.startswith("data/")}
    read = {dep for dep in STAGES[stage]["deps"] if dep.startswith("data/")}
    # The stage download waits for the check, but does not read its file.
    assert data_named(script(stage)) == (made | read - {CHECK, LIST}) - {DESCRIPTION}


@pytest.mark.parametrize("stage", STAGES)
def test_who_reads_a_split_depends_on_what_the_images_are(stage):
    deps = set(STAGES[stage]["deps"])
    splits = {"data/train", "data/validation", "data/test"}
    assert (DESCRIPTION in deps) == bool(deps & splits)
    assert set(STAGES[stage].get("outs", [])) & (splits | {DESCRIPTION}) in (
        set(),
        splits | {DESCRIPTION},
    )


def sections_loaded(file: Path) -> set[str]:
    """Return the sections that a script reads; "whole" stands for all of them.

    Of the models that `whole.models` returns, a script may use no more than the names.
    """
    tree = ast.parse(file.read_text())
    sections = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("fashion_mnist.params."):
            for alias in node.names:
                sections[alias.asname or alias.name] = node.module.rpartition(".")[2]
        if isinstance(node, ast.ImportFrom) and node.module == "fashion_mnist.params":
            for alias in node.names:
                sections[alias.asname or alias.name] = alias.name
    called = {
        (node.func.value.id, node.func.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
    }
    loaded = {name for name, method in called if method == "load" or name == "whole"}
    # A class that is imported and not loaded could be read in a way that this test does not see.
    assert sections.keys() <= loaded
    found = {sections[name] for name in loaded & sections.keys()}
    if ("whole", "models") in called:
        found = found - {"whole"} | (MODELS if reads_recipes(tree) else set())
    return found


def reads_recipes(tree: ast.Module) -> bool:
    """Return whether a script does more with its `models` than to go through their names."""
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.comprehension)]
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "models"]
    passed = [loop.iter for loop in loops]
    return any(isinstance(name.ctx, ast.Load) and name not in passed for name in names)


@pytest.mark.parametrize("stage", STAGES)
def test_params_are_the_sections_that_the_script_loads(stage):
    declared = STAGES[stage].get("params", [])
    if declared == [{"params.yaml": None}]:  # all of the file
        declared = ["whole"]
    loaded = sections_loaded(script(stage))
    # That of the photographs has a file of its own.
    assert set(declared) == loaded - {"dataset", "photographs"}
    assert ("photographs/params.yaml" in STAGES[stage]["deps"]) == ("photographs" in loaded)
    # The section `dataset` is no more than the name of the file.
    # The check reads it, too, or says that it is not there, which DVC would say in other words.
    described = {DATASET, "datasets"} & set(STAGES[stage]["deps"])
    assert bool(described) == bool(loaded & {"dataset", "whole"})


def test_only_the_check_depends_on_all_params_and_every_other_stage_comes_after_it():
    whole = [
        name for name, stage in STAGES.items() if stage.get("params") == [{"params.yaml": None}]
    ]
    assert whole == ["check_params"]
    makers = {}
    for name, stage in STAGES.items():
        for kind in ("outs", "metrics", "plots"):
            for entry in stage.get(kind, []):
                makers[entry if isinstance(entry, str) else next(iter(entry))] = name

    def stages_before(stage: str) -> set[str]:
        direct = {makers[dep] for dep in STAGES[stage]["deps"] if dep in makers}
        return direct.union(*map(stages_before, direct))

    assert makers[CHECK] == "check_params"
    for stage in STAGES.keys() - {"check_params"}:
        assert "check_params" in stages_before(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_stage_script_and_command_share_a_name_and_scripts_stay_short(stage):
    assert STAGES[stage]["cmd"] == f"python3 -m stages.{stage}"
    assert len(script(stage).read_text().splitlines()) <= 80


def test_every_script_is_a_stage_or_trains_a_model_that_is_off():
    scripts = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__"}
    assert scripts == STAGES.keys() | {f"train_{name}" for name in OFF}


@pytest.mark.parametrize("stage", STAGES)
def test_git_tracks_metrics_and_plots_and_no_other_output(stage):
    """DVC's run cache skips stages with other outputs that it does not cache."""
    kinds = {kind: STAGES[stage].get(kind, []) for kind in ("outs", "metrics", "plots")}
    assert all(
        isinstance(out, str) and out.startswith(("data/", "models/")) for out in kinds["outs"]
    )
    for kind in ("metrics", "plots"):
        for entry in kinds[kind]:
            ((path, options),) = entry.items()
            assert path.startswith(f"{kind}/")
            assert options["cache"] is False
