"""Models are promoted if the report says better, or with a reason; a tag says which they are."""

import shutil
import sys

import pytest
import requests
from conftest import Service

pytestmark = pytest.mark.slow


def promote(repository, *options):
    command = (sys.executable, "-m", "fashion_mnist.promote", *options)
    done = repository.run(*command, check=False)
    return done.returncode, done.stdout + done.stderr


def tags(repository) -> list[str]:
    return repository.run("git", "tag", "--list", "models@*").stdout.split()


def tried(repository, tag: str, folder: str):
    command = (sys.executable, "-m", "fashion_mnist.promoted", tag, folder)
    done = repository.run(*command, check=False)
    return done.returncode, done.stdout + done.stderr


def put_into_a_folder(repository, tag: str):
    assert tried(repository, tag, "served") == (0, "")
    return repository.folder / "served"


def message(repository, tag: str) -> str:
    return repository.run("git", "tag", "--list", "--format=%(contents)", tag).stdout


def test_better_models_are_promoted_and_others_with_a_reason_alone(finished):
    status, said = promote(finished)
    assert (status, tags(finished)) == (0, ["models@v0.0.1"])
    assert "git push origin models@v0.0.1" in said
    assert message(finished, "models@v0.0.1").startswith("The first models\n\nMLP: ")

    (finished.folder / "notes.txt").write_text("nothing about models")
    finished.commit("Notes")
    status, said = promote(finished)
    assert (status, tags(finished)) == (1, ["models@v0.0.1"])
    assert 'No measurable change, compared with models@v0.0.1; `make promote REASON="..."`' in said
    status, said = promote(finished, "--reason", "New notes")
    assert (status, tags(finished)) == (0, ["models@v0.0.1", "models@v0.0.2"])
    assert message(finished, "models@v0.0.2").startswith("New notes\n\n## ⚪ No measurable change")
    status, said = promote(finished, "--reason", "Again")
    assert (status, len(tags(finished))) == (1, 2)
    assert said.endswith("its models are the current ones already, as models@v0.0.2\n")
    assert "Traceback" not in said

    before = (finished.folder / "models/cnn.onnx").read_bytes()
    finished.set_params(train={"epochs": 12}, cnn={"dropout_rate": 0.0})
    finished.repro()
    assert promote(finished)[1].startswith("error: dvc.lock: not as in the last commit")
    finished.commit("Longer")
    assert promote(finished)[0] == 0
    assert message(finished, "models@v0.0.3").startswith("🟢 Better: CNN accuracy +")

    # Without the Keras files: a clone may lack those of R.
    for tag, same in (("models@v0.0.2", True), ("models@v0.0.3", False)):
        served = put_into_a_folder(finished, tag)
        assert ((served / "cnn.onnx").read_bytes() == before) == same
    assert (finished.folder / "models/cnn.onnx").read_bytes() != before
    service = Service(served)
    answer = requests.get(f"{service.url}/v2/health/ready", timeout=10)
    service.stop()
    assert answer.status_code == 200
    shutil.rmtree(finished.folder / ".dvc/cache")
    status, said = tried(finished, "models@v0.0.2", "served")
    assert status == 1
    assert "is neither in DVC's cache nor in its remote" in said
    assert "Traceback" not in said
    assert (finished.folder / "served/cnn.onnx").exists()
    (finished.folder / "mine").mkdir()
    (finished.folder / "mine/thesis.txt").write_text("years of work")
    for name in ("mine", "mine/thesis.txt"):
        said = f"error: {name}: exists already and holds no promoted models; choose another\n"
        assert tried(finished, "models@v0.0.2", name) == (1, said)
    assert (finished.folder / "mine/thesis.txt").read_text() == "years of work"
    status, said = tried(finished, "models@v9", "served")
    assert (status, said.count("\n")) == (1, 1)


def test_what_is_not_to_be_believed_is_not_promoted_whatever_the_reason(finished):
    path = finished.folder / "metrics/evaluate.json"
    path.write_text(path.read_text().replace('"accuracy": 0.', '"accuracy": 0.9', 1))
    finished.commit("Better by hand")
    status, said = promote(finished, "--reason", "It looks good")
    assert (status, tags(finished)) == (1, [])
    assert "error: " in said
    assert "Not trustworthy" in said
    finished.run("git", "checkout", "--quiet", "HEAD~1", "--", "metrics")
    finished.set_params(train={"epochs": 3})
    finished.commit("Not run")
    status, said = promote(finished, "--reason", "Trust me")
    assert (status, tags(finished)) == (1, [])
    assert "Stale" in said
