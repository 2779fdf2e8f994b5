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
from conftest import ROOT

from fashion_mnist.stage_deps import import_closure

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
CHECK = "data/params_checked.txt"
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
    """A copy of dvc.yaml and of the code that it names."""
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    for folder in ("stages", "fashion_mnist"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    return tmp_path


def write_dependencies(folder: Path) -> None:
    command = [sys.executable, "-m", "fashion_mnist.stage_deps"]
    done = subprocess.run(command, cwd=folder, text=True, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_writing_the_dependencies_again_changes_no_byte(copy):
    before = (copy / "dvc.yaml").read_bytes()
    write_dependencies(copy)
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
    assert data_named(script(stage)) == made | read - {CHECK}


def sections_loaded(file: Path) -> set[str]:
    """Return the sections whose classes a script loads; "whole" stands for all of them."""
    tree = ast.parse(file.read_text())
    sections = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("fashion_mnist.params."):
            for alias in node.names:
                sections[alias.asname or alias.name] = node.module.rpartition(".")[2]
        if isinstance(node, ast.ImportFrom) and node.module == "fashion_mnist.params":
            for alias in node.names:
                sections[alias.asname or alias.name] = alias.name
    loaded = {
        node.func.value.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "load"
        and isinstance(node.func.value, ast.Name)
    }
    # A class that is imported and not loaded could be read in a way that this test does not see.
    assert sections.keys() <= loaded
    return {sections[name] for name in loaded & sections.keys()}


@pytest.mark.parametrize("stage", STAGES)
def test_params_are_the_sections_that_the_script_loads(stage):
    declared = STAGES[stage].get("params", [])
    if declared == [{"params.yaml": None}]:  # all of the file
        declared = ["whole"]
    assert set(declared) == sections_loaded(script(stage))


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


def test_every_script_is_a_stage():
    scripts = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__"}
    assert scripts == STAGES.keys()


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
