"""What CONTRIBUTING.md says of new models and stages, followed literally."""

import re
import subprocess
import sys

import pytest
from conftest import ROOT, Repository, stages_run

BLOCK = re.compile(r"(?P<before>[^\n]*)\n\n```(?P<kind>\w+)\n(?P<text>.*?)```", re.S)


def follow(section: str, repository: Repository) -> str:
    """Do what a section of CONTRIBUTING.md says; return what `dvc repro` printed."""
    said = ""
    text = (ROOT / "CONTRIBUTING.md").read_text().split(f"## {section}\n")[1].split("\n## ")[0]
    for block in BLOCK.finditer(text):
        path = re.search(r"`([\w/]+\.\w+)`", block["before"])
        match block["kind"]:
            case "python":
                (repository.folder / path[1]).write_text(block["text"])
            case "yaml":
                name = "params.yaml" if "lenet:" in block["text"] else "dvc.yaml"
                with (repository.folder / name).open("a") as file:
                    file.write(block["text"])
            case "diff":
                repository.run("git", "apply", "-", input=block["text"])
            case "sh":
                for line in block["text"].splitlines():
                    said += repository.run("sh", "-c", line).stdout
    return said


@pytest.fixture
def with_makefile(finished) -> Repository:
    """A finished repository in which `make deps` works, in the environment of these tests."""
    makefile = "deps:\n\tpython3 -m fashion_mnist.dvc_yaml\n"
    assert "-m fashion_mnist.dvc_yaml" in (ROOT / "Makefile").read_text()
    (finished.folder / "Makefile").write_text(makefile)
    return finished


def test_a_model_is_added_as_the_page_says_and_no_other_is_trained_again(with_makefile):
    repository = with_makefile
    before = repository.outputs()
    said = follow("Add a model", repository)
    assert set(stages_run(said)) == {"check_params", "train_lenet", "evaluate", "export"}
    after = repository.outputs()
    for kept in ("models/mlp.keras", "models/cnn.keras", "models/cnn.onnx", "models/mlp.onnx"):
        assert after[kept] == before[kept]
    new = {path for path in after.keys() - before.keys() if "lenet" in path}
    assert new == {
        *("models/lenet.keras", "models/lenet.onnx", "models/lenet.json"),
        *("metrics/train_lenet.json", "plots/training_lenet.csv"),
        *("plots/predictions_lenet.csv", "plots/confusion_lenet.png"),
    }
    assert b'"lenet_against_cnn"' in after["metrics/comparison.json"]
    assert after["plots/curves.png"] != before["plots/curves.png"]
    assert repository.repro() == []
    # Without its section the model goes again.
    repository.run("git", "checkout", "params.yaml")
    repository.run("git", "checkout", "fashion_mnist/params/whole.py")
    repository.run("make", "deps")
    repository.run("git", "diff", "--exit-code", "dvc.yaml")


def test_a_stage_is_added_as_the_page_says_and_no_other_runs(with_makefile):
    assert stages_run(follow("Add a stage", with_makefile)) == ["mean_images"]
    assert (with_makefile.folder / "plots/mean_images.png").stat().st_size > 1000
    assert with_makefile.repro() == []


def test_the_snippets_are_formatted_as_the_code_is(tmp_path):
    for at, block in enumerate(BLOCK.finditer((ROOT / "CONTRIBUTING.md").read_text())):
        if block["kind"] == "python":
            (tmp_path / f"{at}.py").write_text(block["text"])
    for arguments in (["check", "--ignore", "I001"], ["format", "--check"]):
        command = [
            sys.executable,
            "-m",
            "ruff",
            *arguments,
            "--config",
            ROOT / "pyproject.toml",
            ".",
        ]
        done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True)
        assert done.returncode == 0, done.stdout
