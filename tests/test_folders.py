"""What each folder may import, from the import statements of every file."""

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from conftest import ROOT

OWN = ("fashion_mnist", "stages", "service", "benchmarks", "experiments", "photographs")
FILES = sorted(path for folder in OWN for path in (ROOT / folder).rglob("*.py"))
# From top to bottom; a file imports from lower lines, or from its own folder.
LAYERS = (
    (
        *("predict", "summary", "seed_spread", "dvc_yaml", "measure", "classification_report"),
        *("describe", "new", "promote", "promoted", "teach", "tag", "near_duplicates"),
    ),
    ("test_images",),
    ("report",),
    ("training",),
    ("teaching", "tagging"),
    ("evaluation",),
    ("inference",),
    ("params",),
    ("dataset",),
    ("progress", "ray_cluster", "concurrency", "memory"),
    ("tables",),
    ("files",),
    ("command",),
    ("errors",),
    ("version",),
)
HEIGHT = {name: -place for place, layer in enumerate(LAYERS) for name in layer}
# Files of fashion_mnist/dataset that make a dataset; the service and predict read only pictures.
MAKERS = {"archive.py", "git_tree.py", "hold_out.py", "pictures.py", "sources.py"}
HEAVY = {"tensorflow", "keras", "pandas", "scipy", "matplotlib", "sklearn", "dvc"}


def relative(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def imports(file: Path) -> set[str]:
    """Return the names of the modules that a file imports, also those inside its functions."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(file)}: imports are absolute here"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found.add(name if own_file(name) else node.module)
    return found


def own_file(name: str) -> Path | None:
    """Return the file of this repository that has a module's name."""
    path = ROOT.joinpath(*name.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def packages(file: Path) -> set[str]:
    """Return the top-level names of the packages that a file imports, Python's own left out."""
    names = {name.partition(".")[0] for name in imports(file)}
    return names - set(sys.stdlib_module_names) - set(OWN)


def part(name: str) -> str:
    """Return the folder or module of fashion_mnist that a module belongs to."""
    return name.split(".")[1]


def own_parts(file: Path) -> set[str]:
    return {part(name) for name in imports(file) if name.startswith("fashion_mnist.")}


def part_of(file: Path) -> str:
    return part(".".join(file.relative_to(ROOT).with_suffix("").parts))


LIBRARY = [
    path
    for path in FILES
    if path.is_relative_to(ROOT / "fashion_mnist") and path != ROOT / "fashion_mnist/__init__.py"
]


def test_the_list_of_layers_is_complete():
    """`new` is not in the repositories that it makes."""
    assert {part_of(file) for file in LIBRARY} | {"new"} == HEIGHT.keys()


@pytest.mark.parametrize("file", LIBRARY, ids=relative)
def test_imports_run_down_the_layers(file):
    own = part_of(file)
    others = own_parts(file) - {own}
    assert {other for other in others if HEIGHT[other] >= HEIGHT[own]} == set()
    upper = {name for name in imports(file) if name.partition(".")[0] in OWN[1:]}
    assert upper == set(), "the library imports nothing that uses it"


def test_only_one_file_imports_keras_and_only_training_uses_it():
    keras = [relative(file) for file in FILES if packages(file) & {"keras", "tensorflow"}]
    assert keras == ["fashion_mnist/training/tf_keras.py"]
    users = [file for file in LIBRARY if "training" in own_parts(file)]
    assert {part_of(file) for file in users} == {"training"}


def test_tensorflow_is_loaded_only_by_stages_that_need_a_keras_model():
    def needs_keras(file: Path) -> bool:
        return ROOT / "fashion_mnist/training/tf_keras.py" in own_closure([file])

    stages = [path for path in FILES if path.parent == ROOT / "stages"]
    others = {path.stem for path in stages if not needs_keras(path)}
    assert others == {"__init__", "check_params", "download", "normalize", "similar_items"}


@pytest.mark.slow
def test_what_needs_no_keras_model_loads_no_tensorflow():
    script = (
        "import sys, stages.normalize, stages.similar_items, fashion_mnist.report.__main__, "
        "fashion_mnist.seed_spread; print(*sys.modules)"
    )
    assert not loaded_by(script) & {"tensorflow", "keras"}


@pytest.mark.slow
def test_keras_loads_no_packages_that_it_is_not_used_with():
    heavy = ("matplotlib", "pandas", "scipy", "sklearn")
    loads = "import sys, fashion_mnist.training.tf_keras"
    loaded = loaded_by(f"{loads}; print(*sys.modules)")
    assert "keras" in loaded
    assert loaded & set(heavy) == set()
    assert loaded_by(f"{loads}, {', '.join(heavy)}; print(*sys.modules)") >= set(heavy)


def loaded_by(script: str) -> set[str]:
    """Return the top-level names of the modules that a script prints after its imports."""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, text=True, capture_output=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_params_know_of_the_dataset_only_what_an_image_is():
    for file in LIBRARY:
        if part_of(file) == "params":
            known = {name for name in imports(file) if name.startswith("fashion_mnist.dataset")}
            assert known <= {"fashion_mnist.dataset.spec"}, relative(file)


def test_the_report_is_made_of_evaluation_and_dataset():
    allowed = {"report", "evaluation", "dataset", "files", "tables", "command", "errors"}
    for file in LIBRARY:
        if part_of(file) == "report":
            assert own_parts(file) <= allowed, relative(file)


def own_closure(files: list[Path]) -> set[Path]:
    """Return the files of this repository that `files` import, directly or not, and themselves."""
    found: set[Path] = set()
    waiting = list(files)
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting += [file for name in imports(current) if (file := own_file(name))]
    return found


def service_distributions() -> set[str]:
    lines = (ROOT / "requirements-service.txt").read_text().splitlines()
    return {normal(line.partition("==")[0]) for line in lines if "==" in line}


def normal(distribution: str) -> str:
    """Return a distribution's name as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


@pytest.mark.parametrize("folder", ["service", "fashion_mnist/inference", "fashion_mnist/dataset"])
def test_the_service_and_what_it_uses_import_no_package_that_it_does_not_install(folder):
    files = [path for path in (ROOT / folder).rglob("*.py") if path.name not in MAKERS]
    installed, distributions = service_distributions(), packages_distributions()
    for file in own_closure(files):
        for package in packages(file):
            owners = {normal(owner) for owner in distributions[package]}
            assert owners & installed, f"{relative(file)} imports {package}"


def test_the_service_and_predict_load_nothing_heavy():
    script = "import sys, service.app, service.__main__, fashion_mnist.predict; print(*sys.modules)"
    loaded = loaded_by(script)
    assert {"fastapi", "onnxruntime"} <= loaded
    assert loaded & HEAVY == set()
    distributions = packages_distributions()
    owners = {normal(owner) for name in loaded for owner in distributions.get(name, ())}
    # setuptools leaves a hook in every environment that has it.
    assert owners - {"setuptools"} <= service_distributions()


INITS = [path for path in FILES if path.name == "__init__.py"]


@pytest.mark.parametrize("file", INITS, ids=relative)
def test_packages_run_no_code_but_what_explains_missing_packages(file):
    docstring, *code = ast.parse(file.read_text()).body
    assert isinstance(docstring, ast.Expr)
    assert isinstance(docstring.value, ast.Constant)
    lines = [ast.unparse(node) for node in code]
    if file.parent == ROOT / "fashion_mnist":
        assert lines == ["from fashion_mnist import command", "command.prepare()"]
    elif file.is_relative_to(ROOT / "fashion_mnist"):
        assert lines == []
    else:
        assert lines == ["import fashion_mnist"]


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_no_module_is_imported_by_a_name_that_is_not_in_the_code(file):
    """DVC's deps come from import statements, so no other import may exist."""
    calls = [node.func for node in ast.walk(ast.parse(file.read_text())) if type(node) is ast.Call]
    names = {ast.unparse(function).rpartition(".")[2] for function in calls}
    assert not names & {"import_module", "__import__", "exec", "eval"}
