"""Count what faults do to the pipeline: `python -m tests.faults`, which writes docs/robustness.md.

A tiny pipeline is killed, and its files are damaged, at random places, always the same. A fault
counts as failed where a traceback appears, a file is lost or half-written, or other bytes come out
in the end without a word. It needs about fifteen minutes; the full disk needs the right to mount.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from fashion_mnist import command, files, progress
from fashion_mnist.dataset import picture_file, splits
from fashion_mnist.errors import InputError
from fashion_mnist.inference.onnx_model import OnnxModel
from fashion_mnist.params import whole
from fashion_mnist.report import results, trust
from fashion_mnist.report.revisions import Revision
from fashion_mnist.training import model_file
from tests.conftest import STAGES, Repository, new_repository
from tests.test_picture_file import BROKEN, MODES

TEXT, DOCUMENT = Path("tests/robustness.md"), Path("docs/robustness.md")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
FLIPS = 200  # of each kind of file
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "the backend of Jupyter": {"MPLBACKEND": "module://matplotlib_inline.backend_inline"},
    "another backend of Keras": {"KERAS_BACKEND": "jax"},
    "no home": {"HOME": "/nonexistent"},
    "no UTF-8": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "another time zone": {"TZ": "Pacific/Kiritimati"},
    "random hashes": {"PYTHONHASHSEED": "7"},
    "optimized Python": {"PYTHONOPTIMIZE": "2"},
    "warnings as errors of others": {"PYTHONWARNINGS": "error::DeprecationWarning:__main__"},
    "a narrow terminal": {"COLUMNS": "1", "TERM": "dumb"},
}
STREAMS = {"stdin": "<&-", "stdout": ">&-", "stderr": "2>&-", "all three": "<&- >&- 2>&-"}


class Count(NamedTuple):
    """What a kind of fault did; `failed` names each that did harm."""

    what: str
    tried: int
    refused: int
    failed: list[str]


def main(kills: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        repository = new_repository(Path(scratch) / "tiny")
        repository.repro()
        repository.commit("The results")
        with contextlib.chdir(repository.folder):
            counts = [
                *_killed(repository, kills),
                *_damaged(),
                _pictures(),
                _params(),
                _environments(repository),
                *_full_disk(repository),
            ]
    rows = [
        f"| {of.what} | {of.tried:,} | {of.tried - of.refused - len(of.failed):,} "
        f"| {of.refused:,} | {len(of.failed)} |"
        for of in counts
    ]
    for failure in (failure for of in counts for failure in of.failed):
        progress.write(failure)
    text = TEXT.read_text().format(table="\n".join(rows))
    files.write_bytes(DOCUMENT, text.encode())


def _killed(repository: Repository, kills: int) -> Iterable[Count]:
    """End a stage at a random moment; `dvc repro` must bring back every byte."""
    rng, before = random.Random(0), repository.outputs()
    lasts = {}
    for stage in STAGES:
        started = time.perf_counter()
        repository.repro("--force", "--single-item", stage)
        lasts[stage] = time.perf_counter() - started
    failed: dict[str, list[str]] = {"DVC and the stage": [], "DVC alone": []}
    for number in range(kills):
        who = list(failed)[number % 2]
        stage, how = STAGES[number % len(STAGES)], SIGNALS[number % 3]
        progress.say(f"kills: {number + 1} of {kills}, {stage}, {how.name}")
        process = subprocess.Popen(
            [Path(sys.executable).with_name("dvc"), "repro", "--force", "--single-item", stage],
            cwd=repository.folder,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(rng.uniform(0.3, lasts[stage]))
        if who == "DVC alone":
            process.send_signal(how)
        elif process.poll() is None:
            os.killpg(process.pid, how)
        process.wait()
        _repeat_until_alone(repository)
        after = repository.outputs()
        # A partial file may stay where DVC takes a stage's files from its cache; Git ignores it.
        other = [
            name
            for name in before | after
            if before.get(name) != after.get(name) and ".partial-" not in name
        ]
        if other:
            failed[who].append(f"kills: {stage}, {how.name} to {who}: {', '.join(other)}")
    for position, (who, of) in enumerate(failed.items()):
        yield Count(f"kills of {who}", len(range(position, kills, 2)), 0, of)


def _repeat_until_alone(repository: Repository) -> None:
    """Run `dvc repro` until no orphaned stage writes beside it."""
    for _ in range(20):
        if repository.run("dvc", "repro", check=False).returncode == 0:
            return
        time.sleep(1)
    raise InputError("`dvc repro` fails after a kill")


def _damaged() -> Iterable[Count]:
    """Flip bits of files, one at a time, and read them as the stages do."""
    data, models, plots = map(Path, ("data", "models", "plots"))
    spec = splits.load_spec(data)
    readers: dict[str, tuple[Path, Callable[[], object]]] = {
        "arrays": (data / "test" / "images.npy", lambda: splits.load(data / "test")),
        "labels": (data / "test" / "labels.npy", lambda: splits.load(data / "test")),
        "the description of the data": (data / "dataset.json", lambda: splits.load(data / "test")),
        "Keras models": (
            models / "cnn.keras",
            lambda: model_file.load(models / "cnn.keras", spec).get_weights(),
        ),
        "exported models": (models / "cnn.onnx", lambda: OnnxModel(models / "cnn.onnx")),
        "the predictions": (plots / "predictions_cnn.csv", _read_results),
        "the metrics": (Path("metrics/evaluate.json"), _read_results),
        "dvc.lock": (Path("dvc.lock"), _read_results),
    }
    for what, (path, read) in readers.items():
        progress.say(f"bit flips: {what}")
        sound, rng, refused, failed = path.read_bytes(), random.Random(1), 0, []
        for _ in range(FLIPS):
            place, bit = rng.randrange(len(sound)), rng.randrange(8)
            damaged = bytearray(sound)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            try:
                read()
            except InputError:
                refused += 1
            except Exception as error:
                failed.append(f"{what}: bit {bit} of byte {place}: {type(error).__name__}: {error}")
        path.write_bytes(sound)
        yield Count(f"bits of {what}", FLIPS, refused, failed)


def _read_results() -> None:
    """Read what the report reads in the current folder, and believe it or not."""
    if doubts := trust.doubts(results.read(Revision()), Revision()):
        raise InputError(doubts[0])


def _pictures() -> Count:
    """Flip bits of pictures of every mode; a picture is read or refused."""
    progress.say("bit flips: pictures")
    scratch = Path(tempfile.gettempdir()) / f"picture-{os.getpid()}"
    rng, tried, refused, failed = random.Random(2), 0, 0, []
    for name, content in {**{of: file for of, (file, _) in MODES.items()}, **BROKEN}.items():
        for _ in range(FLIPS // 4):
            damaged = bytearray(content)
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
            scratch.write_bytes(damaged)
            tried += 1
            try:
                picture_file.decode(scratch, name, 1000)
            except InputError:
                refused += 1
            except Exception as error:
                failed.append(f"pictures: {name}: {type(error).__name__}: {error}")
    scratch.unlink()
    return Count("bits of pictures", tried, refused, failed)


def _params() -> Count:
    """Change letters of params.yaml; it is read or refused."""
    progress.say("params")
    path, rng, refused, failed = Path("params.yaml"), random.Random(3), 0, []
    sound = path.read_text()
    for _ in range(FLIPS):
        place = rng.randrange(len(sound))
        letter = chr(rng.choice([*range(32, 127), 9, 10, 0, 0x85, 0x1F600]))
        path.write_text(sound[:place] + letter + sound[place + rng.randrange(3) :])
        try:
            whole.load()
        except InputError:
            refused += 1
        except Exception as error:
            failed.append(f"params: {letter!r} at {place}: {type(error).__name__}: {error}")
    path.write_text(sound)
    return Count("letters of params.yaml", FLIPS, refused, failed)


def _environments(repository: Repository) -> Count:
    """Run a stage in odd surroundings; it must write the same bytes."""
    before, failed = repository.outputs(), []
    commands = {name: ("", environment) for name, environment in ENVIRONMENTS.items()}
    commands |= {f"without {name}": (closed, {}) for name, closed in STREAMS.items()}
    for name, (closed, environment) in commands.items():
        progress.say(f"surroundings: {name}")
        line = f'exec "{sys.executable}" -m stages.evaluate {closed}'
        done = repository.run("sh", "-c", line, check=False, env=environment)
        if done.returncode or done.stderr or repository.outputs() != before:
            failed.append(f"surroundings: {name}: exit status {done.returncode}, {done.stderr}")
    return Count("odd surroundings of a stage", len(commands), 0, failed)


def _full_disk(repository: Repository) -> Iterable[Count]:
    """Fill the disk under folders of results; a stage must end in one line, and leave the rest."""
    failed, tried = [], 0
    for stage, folder in {"normalize": "data", "train_mlp": "models", "evaluate": "plots"}.items():
        progress.say(f"full disk: {folder}")
        place, before = repository.folder / folder, repository.outputs()
        kept = place.with_name(f"{folder}-kept")
        place.rename(kept)
        place.mkdir()
        mount = ("mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place))
        if subprocess.run(mount, capture_output=True).returncode:
            place.rmdir()
            kept.rename(place)
            return
        for name in ("raw",) if stage == "normalize" else ():
            (place / name).symlink_to(kept / name)
        done = repository.stage(stage)
        left = [path.name for path in place.rglob("*") if path.is_file() and not path.is_symlink()]
        subprocess.run(("umount", str(place)), check=True)
        place.rmdir()
        kept.rename(place)
        tried += 1
        is_one_line = done.returncode == 1 and done.stderr.count("\n") == 1
        if not is_one_line or any(".partial" in name for name in left):
            failed.append(f"full disk: {folder}: {done.stderr} {left}")
        if repository.outputs() != before:
            repository.run("git", "checkout", "--", "metrics", "plots")
    yield Count("full disks", tried, tried - len(failed), failed)


if __name__ == "__main__":
    parser = command.parser(__doc__)
    parser.add_argument("--kills", type=command.count, default=25, help="default: 25")
    command.run(main, parser)
