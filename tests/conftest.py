"""A made dataset in the format of the real one, and a repository that ran the pipeline on it.

Making that repository takes a minute, so each test that uses it is marked as slow.
"""

import fcntl
import gzip
import hashlib
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from playwright.sync_api import sync_playwright
from ruamel.yaml import YAML

from fashion_mnist.dataset import idx
from fashion_mnist.dataset.spec import Spec
from fashion_mnist.inference.head import Head, Info
from fashion_mnist.inference.similarity import unit_length
from fashion_mnist.params.head import Train
from fashion_mnist.params.photographs import Backbone

# No setting of this machine's git, dvc and proxies reaches a test.
for name in [name for name in os.environ if name.startswith("GIT_")]:
    del os.environ[name]
os.environ |= {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "DVC_GLOBAL_CONFIG_DIR": "/nonexistent",
    "DVC_SYSTEM_CONFIG_DIR": "/nonexistent",
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
    # With buffers, as most users have them, a closed pipe shows only at the end.
    "PYTHONUNBUFFERED": "",
    # Without progress, stderr holds nothing but errors.
    "QUIET": "1",
    # Each of several processes would take all of a GPU's memory.
    "CUDA_VISIBLE_DEVICES": "-1",
    # The tests run side by side, and threads of BLAS that wait keep the others' cores busy.
    "OPENBLAS_NUM_THREADS": "1",
}

pytest_plugins = ["histories"]

ROOT = Path(__file__).parent.parent
CODE = (
    "dvc.yaml",
    "params.yaml",
    "datasets",
    ".dvcignore",
    ".gitignore",
    ".dvc/config",
    ".dvc/plots",
    "stages",
    "fashion_mnist",
    "photographs/head.npz",
    "photographs/params.yaml",
)
# In the order in which they run.
STAGES = [
    *("check_params", "download", "normalize", "train_mlp", "train_cnn"),
    *("evaluate", "feature_maps", "probe_layers", "export", "photographs", "similar_items"),
]
SPEC = Spec(
    title="Stripes",
    item="garment",
    classes=[
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ],
    side=28,
    channels=1,
    mirror_keeps_class=True,
    cut_out=True,
)
TINY = {
    "dataset": {"name": "made"},
    "normalize": {"validation_size": 50},
    "train": {"epochs": 1, "batch_size": 50},
    "cnn": {"filters": [4, 6, 8], "pool_after": [1, 2], "dropout_rate": 0.1},
    "evaluate": {"predictions_shown": 4, "mistakes_shown": 4},
    "feature_maps": {"maps_shown": 4},
}


def gzipped_idx(array: np.ndarray) -> bytes:
    """Return an array as a gzipped IDX file."""
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(
        f">{array.ndim}I", *array.shape
    )
    return gzip.compress(header + array.astype(np.uint8).tobytes(), mtime=0)


def made_images(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return noisy images (count, 28, 28), a bright stripe for each class, and labels (count,)."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % 10).astype(np.uint8)
    images = rng.integers(0, 90, (count, 28, 28)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[2 * label + 4 : 2 * label + 7] += 150
    return images, labels


def made_files() -> dict[str, bytes]:
    """Return the four files of a made dataset, by name."""
    train_images, train_labels = made_images(600, seed=1)
    test_images, test_labels = made_images(200, seed=2)
    return {
        **dict(zip(idx.TRAIN, map(gzipped_idx, (train_images, train_labels)), strict=True)),
        **dict(zip(idx.TEST, map(gzipped_idx, (test_images, test_labels)), strict=True)),
    }


def made_dataset(source: str) -> dict:
    """Return what datasets/ says of the made dataset."""
    sha256 = {
        name: hashlib.sha256(gzip.decompress(content)).hexdigest()
        for name, content in made_files().items()
    }
    found = {"train_images": 600, "test_images": 200, "sha256": sha256}
    return {**SPEC.model_dump(), "sources": [source], "idx": found}


def made_head(backbone: str, units: int) -> Head:
    """Return a head of three classes with random weights."""
    rng = np.random.default_rng(3)
    info = Info(
        item="garment",
        classes=["dress", "hat", "another garment"],
        other="another garment",
        backbone=backbone,
        sure_from=0.75,
        known_from=0.5,
        pictures=30,
        train=Train(
            regularization=0.01,
            references=20,
            sure_accuracy=0.95,
            unknown_share=0.01,
            folds=5,
            seed=0,
        ),
    )
    references = unit_length(rng.random((20, units))).astype(np.float16)
    weights = rng.normal(0, 0.1, (units, 3)).astype(np.float32)
    return Head(info, weights, np.zeros(3, np.float32), references)


class Network(NamedTuple):
    """The frozen network for photographs of 64 pixels: its identity and its ONNX file's bytes."""

    backbone: str
    content: bytes


@pytest.fixture(scope="session")
def network_of_photographs() -> Network:
    from fashion_mnist.training import photograph_graph

    backbone = Backbone(name="efficientnet_lite0", side=64)
    content = photograph_graph.to_onnx(backbone, head=None).SerializeToString()
    return Network(photograph_graph.identity(backbone), content)


def with_all_models(params: str) -> str:
    """Return the text of params.yaml with the sections of the models that are off by default."""
    return re.sub(r"(?m)^# (?=\w+:$|  \S)", "", params)


def committed(path: str) -> str:
    """Return a file as of the last commit: `make` on another processor changes the working tree."""
    done = subprocess.run(
        ["git", "show", f"HEAD:{path}"], cwd=ROOT, check=True, text=True, capture_output=True
    )
    return done.stdout


class Repository:
    """A working tree with a Git repository, driven by its user's commands."""

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

    def outputs(self, project: str = ".") -> dict[str, bytes]:
        """Return the content of every file that the stages of a DVC project write, by path."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for folder in ("data", "models", "metrics", "plots")
            for path in sorted((self.folder / project / folder).rglob("*"))
            if path.is_file()
        }


def stages_run(output: str) -> list[str]:
    """Return the stages whose commands ran, from what dvc printed."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def new_repository(folder: Path) -> Repository:
    """Make a repository with this code, tiny models and the made dataset as its download."""
    repository = Repository(folder)
    folder.mkdir(parents=True)
    for name in CODE:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(exist_ok=True, parents=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    repository.set_params(**TINY)
    (folder / "made").mkdir()
    for name, content in made_files().items():
        (folder / "made" / name).write_bytes(content)
    YAML().dump(made_dataset("made"), folder / "datasets" / "made.yaml")
    repository.run("git", "init", "--quiet")
    repository.run("git", "config", "user.name", "A tester")
    repository.run("git", "config", "user.email", "tester@example.com")
    repository.repro("download")
    repository.commit("The code and a downloaded dataset")
    return repository


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "_finished" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def _finished(tmp_path_factory, worker_id) -> Repository:
    """The repository that all workers copy: the first one makes it, the others wait."""
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    with (shared / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = shared / "finished"
        if not folder.exists():
            repository = new_repository(shared / f"unfinished-{worker_id}")
            assert repository.repro() == STAGES[2:]
            repository.commit("The results")
            repository.folder.rename(folder)
    return Repository(folder)


@pytest.fixture
def finished(_finished, tmp_path) -> Repository:
    """A copy of a repository in which the whole pipeline has run and is committed."""
    folder = tmp_path / "a repository"
    shutil.copytree(_finished.folder, folder, symlinks=True)
    return Repository(folder)


@pytest.fixture
def bench(finished) -> Repository:
    """A finished repository in which experiments can run, too."""
    for name in ("benchmarks", "experiments"):
        ignored = shutil.ignore_patterns("__pycache__", "searches")
        shutil.copytree(ROOT / name, finished.folder / name, ignore=ignored)
    shutil.copy(ROOT / "requirements.txt", finished.folder)
    return finished


@pytest.fixture(scope="module")
def browser():
    """A browser of this machine."""
    browsers = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, browsers)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(browsers)} is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found,
            args=["--no-sandbox", "--disable-gpu"],
            # People's browsers keep the page that they leave, for Back.
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


def free_port() -> int:
    """Return a port of loopback for a server that can't choose one itself."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


class Service:
    """The service as a process of its own."""

    def __init__(self, models: Path, *options: str, folder: Path = ROOT, **environment: str):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "service", "--port", "0", "--models", str(models), *options],
            cwd=folder,
            env={**os.environ, **environment},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        announced = self.process.stdout.readline()  # pytest-timeout ends an endless wait
        assert " is ready" in announced, self.process.communicate()
        self.url = announced.split()[0]

    def stop(self) -> tuple[int, str]:
        """End the process with SIGTERM; return what `ended` returns."""
        self.process.terminate()
        return self.ended()

    def ended(self) -> tuple[int, str]:
        """Wait for the end of the process; return its exit status and its stderr."""
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said


@pytest.fixture(scope="session")
def exported(_finished) -> Path:
    """The folder of the exported models and of the index of the made training images."""
    return _finished.folder / "models"


@pytest.fixture(scope="module")
def service(exported):
    """A running service; its end fails the tests if a request raised an unexpected exception."""
    running = Service(exported)
    yield running
    status, said = running.stop()
    assert status == 0
    assert "Traceback" not in said
