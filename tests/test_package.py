"""`pip install .` gives the three commands, with all that they need from the repository."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT

from fashion_mnist.version import VERSION

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder with what the wheel installs; its packages come from this environment."""
    folder = tmp_path_factory.mktemp("package")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    assert f"-{VERSION}-" in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def test_the_wheel_holds_the_library_and_the_page_and_nothing_else(installed):
    def files(folder: Path) -> set[str]:
        return {
            path.relative_to(folder).as_posix()
            for name in ("fashion_mnist", "service")
            for path in (folder / name).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    assert files(installed) == files(ROOT)
    assert {path.name for path in installed.iterdir() if path.suffix != ".dist-info"} == {
        "fashion_mnist",
        "service",
    }


@pytest.mark.parametrize("command", PROJECT["project"]["scripts"] if PROJECT else [])
def test_each_installed_command_starts(installed, command, tmp_path):
    module, _, function = PROJECT["project"]["scripts"][command].partition(":")
    script = f"from {module} import {function}; import sys; sys.argv[0] = {command!r}; {function}()"
    done = subprocess.run(
        [sys.executable, "-c", script, "--help"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith(f"usage: {command} "), done.stderr


def test_the_packages_of_the_service_are_dependencies():
    assert set(PROJECT["dependency-groups"]["service"]) <= set(PROJECT["project"]["dependencies"])
