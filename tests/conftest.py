"""A made dataset in the format of the real one, and a repository that ran the pipeline on it."""

import gzip
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from fashion_mnist import dataset

# The tests' git, dvc, servers and networks are their own, whatever this machine is set up for.
for name in [name for name in os.environ if name.startswith("GIT_")]:
    del os.environ[name]
os.environ |= {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "DVC_GLOBAL_CONFIG_DIR": "/nonexistent",
    "DVC_SYSTEM_CONFIG_DIR": "/nonexistent",
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
    # Errors are one line on stderr; what else is said there has tests of its own.
    "QUIET": "1",
    # Several processes at once, each of which would take all of a GPU's memory.
    "CUDA_VISIBLE_DEVICES": "-1",
}

ROOT = Path(__file__).parent.parent
CODE = (
    "dvc.yaml",
    "params.yaml",
    ".dvcignore",
    ".gitignore",
    ".dvc/config",
    ".dvc/plots",
    "stages",
    "fashion_mnist",
)
STAGES = [
    *("download", "normalize", "train_mlp", "train_cnn"),
    *("evaluate", "feature_maps", "export", "similar_items"),
]
TINY = {
    "normalize": {"validation_size": 50},
    "train": {"epochs": 1, "batch_size": 50},
    "cnn": {"filters": [4, 6, 8], "pool_after": [1, 2], "dropout_rate": 0.1},
    "evaluate": {"predictions": 4, "mistakes": 4},
    "feature_maps": {"maps": 4},
}


def idx(array: np.ndarray) -> bytes:
    """An array as a gzipped IDX file."""
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(
        f">{array.ndim}I", *array.shape
    )
    return gzip.compress(header + array.astype(np.uint8).tobytes(), mtime=0)


def made_images(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (count, 28, 28) whose bright stripe tells the class, with noise; labels (count,)."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % 10).astype(np.uint8)
    images = rng.integers(0, 90, (count, 28, 28)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[2 * label + 4 : 2 * label + 7] += 150
    return images, labels


def made_files() -> dict[str, bytes]:
    train_images, train_labels = made_images(600, seed=1)
    test_images, test_labels = made_images(200, seed=2)
    return {
        dataset.TRAIN_IMAGES: idx(train_images),
        dataset.TRAIN_LABELS: idx(train_labels),
        dataset.TEST_IMAGES: idx(test_images),
        dataset.TEST_LABELS: idx(test_labels),
    }


class Repository:
    """A working tree with its own git and dvc, driven as its user would."""

    def __init__(self, folder: Path):
        self.folder = folder

    def run(self, *command: str, check: bool = True, **kwargs) -> subprocess.CompletedProcess:
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            **kwargs.pop("env", {}),
        }
        environment.pop("PYTHONPATH", None)
        done = subprocess.run(
            command, cwd=self.folder, env=environment, text=True, capture_output=True, **kwargs
        )
        if check:
            assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done

    def dvc(self, *arguments: str, **kwargs) -> str:
        return self.run("dvc", *arguments, **kwargs).stdout

    def repro(self, *arguments: str) -> list[str]:
        """Run `dvc repro` and return the stages whose command ran."""
        return stages_run(self.dvc("repro", *arguments))

    def stage(self, name: str, **kwargs) -> subprocess.CompletedProcess:
        return self.run(sys.executable, "-m", f"stages.{name}", check=False, **kwargs)

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)

    def set_params(self, **sections: dict) -> None:
        path, yaml = self.folder / "params.yaml", YAML()
        content = yaml.load(path)
        for section, values in sections.items():
            content[section].update(values)
        yaml.dump(content, path)

    def outputs(self) -> dict[str, bytes]:
        """Every file that the stages write."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for folder in ("data", "models", "metrics", "plots")
            for path in sorted((self.folder / folder).rglob("*"))
            if path.is_file()
        }


def stages_run(output: str) -> list[str]:
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def new_repository(folder: Path) -> Repository:
    """This repository's code with a tiny configuration and the made dataset as downloaded."""
    repository = Repository(folder)
    folder.mkdir(parents=True)
    for name in CODE:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    repository.set_params(**TINY)
    raw = folder / "data" / "raw"
    raw.mkdir(parents=True)
    for name, content in made_files().items():
        (raw / name).write_bytes(content)
    repository.run("git", "init", "--quiet")
    repository.run("git", "config", "user.name", "A tester")
    repository.run("git", "config", "user.email", "tester@example.com")
    # The made files stand for a finished download.
    repository.dvc("commit", "--force", "download")
    repository.commit("The code and a downloaded dataset")
    return repository


@pytest.fixture
def repository(tmp_path) -> Repository:
    """A repository whose dataset is downloaded; no other stage has run."""
    return new_repository(tmp_path / "a repository")


@pytest.fixture(scope="session")
def _finished(tmp_path_factory) -> Repository:
    repository = new_repository(tmp_path_factory.mktemp("session") / "finished")
    assert repository.repro() == STAGES[1:]
    repository.commit("The results")
    return repository


@pytest.fixture
def finished(_finished, tmp_path) -> Repository:
    """A copy of a repository in which the whole pipeline has run and is committed."""
    folder = tmp_path / "a repository"
    shutil.copytree(_finished.folder, folder, symlinks=True)
    return Repository(folder)


class Service:
    """The service as a process of its own."""

    def __init__(self, models: Path, *options: str):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "service", "--port", "0", "--models", str(models), *options],
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        announced = self.process.stdout.readline()  # pytest-timeout ends the wait if none comes
        assert " is ready" in announced, self.process.communicate()
        self.url = announced.split()[0]

    def stop(self) -> tuple[int, str]:
        """End it as a supervisor would; return what `ended` does."""
        self.process.terminate()
        return self.ended()

    def ended(self) -> tuple[int, str]:
        """Wait for its end; return its exit status and what it said on stderr."""
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said


@pytest.fixture(scope="session")
def exported(_finished) -> Path:
    """A folder with exported networks and the index of the made training images; read only."""
    return _finished.folder / "models"


@pytest.fixture(scope="module")
def service(exported):
    """A running service; fails where a request made it raise something unexpected."""
    running = Service(exported)
    yield running
    status, said = running.stop()
    assert status == 0
    assert "Traceback" not in said
