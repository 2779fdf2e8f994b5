"""dvc.yaml says the truth about the code: every import is a dep, every param read is declared."""

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def module_file(name: str) -> Path | None:
    path = ROOT.joinpath(*name.split("."))
    for file in (path / "__init__.py", path.with_suffix(".py")):
        if file.exists():
            return file
    return None


def imported_modules(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports are not followed"
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {
        ".".join(parts[: i + 1])
        for name in names
        for parts in [name.split(".")]
        for i in range(len(parts))
    }


def import_closure(file: Path) -> set[str]:
    """The files inside the repository that running `file` as a module imports, itself included."""
    found, waiting = set(), [file, *(p for p in [file.parent / "__init__.py"] if p.exists())]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting += [f for name in imported_modules(current) if (f := module_file(name))]
    return {path.relative_to(ROOT).as_posix() for path in found}


@pytest.mark.parametrize("stage", STAGES)
def test_code_deps_are_the_import_closure(stage):
    script = ROOT / "stages" / f"{stage}.py"
    declared = {dep for dep in STAGES[stage]["deps"] if dep.endswith(".py")}
    assert declared == import_closure(script)


def data_named(file: Path) -> set[str]:
    """The folders of data that a script names; "data" stands for all that normalize makes."""
    named = {
        node.value
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {name for name in named if re.fullmatch(r"data(/\w+)?", name)}


@pytest.mark.parametrize("stage", STAGES)
def test_scripts_open_no_data_but_what_they_declare(stage):
    """Above all the test images, which nothing may train on."""
    made = {out for out in STAGES[stage].get("outs", []) if out.startswith("data/")}
    read = {dep for dep in STAGES[stage]["deps"] if dep.startswith("data/")}
    named = data_named(ROOT / "stages" / f"{stage}.py")
    assert named <= made | read | ({"data"} if stage == "normalize" else set())
    assert read <= named


def sections_loaded(file: Path) -> set[str]:
    return {
        argument.value
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "params.load"
        for argument in node.args
    }


@pytest.mark.parametrize("stage", STAGES)
def test_params_are_the_sections_that_the_script_loads(stage):
    assert set(STAGES[stage]["params"]) == sections_loaded(ROOT / "stages" / f"{stage}.py")


@pytest.mark.parametrize("stage", STAGES)
def test_stage_script_and_command_share_a_name_and_scripts_stay_short(stage):
    assert STAGES[stage]["cmd"] == f"python3 -m stages.{stage}"
    assert len((ROOT / "stages" / f"{stage}.py").read_text().splitlines()) <= 80


def test_every_script_is_a_stage():
    scripts = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__"}
    assert scripts == STAGES.keys()


@pytest.mark.parametrize("stage", STAGES)
def test_results_are_in_git_as_metrics_and_plots_and_nothing_else_is(stage):
    """DVC's run cache leaves out stages with uncached outs that are neither metrics nor plots."""
    kinds = {kind: STAGES[stage].get(kind, []) for kind in ("outs", "metrics", "plots")}
    assert all(
        isinstance(out, str) and out.startswith(("data/", "models/")) for out in kinds["outs"]
    )
    for kind in ("metrics", "plots"):
        for entry in kinds[kind]:
            ((path, options),) = entry.items()
            assert path.startswith(f"{kind}/")
            assert options["cache"] is False
