"""Follow the Dockerfile's steps without Docker: `python -m tests.follow_dockerfile`.

It copies what COPY copies, as far as .dockerignore lets it, into a fresh folder, runs pip in a
fresh environment, starts CMD where nothing can be written, as `docker run --read-only` does, waits
for HEALTHCHECK, asks, and stops it. It ignores the base image, useradd and USER.
"""

import io
import json
import os
import resource
import shlex
import shutil
import subprocess
import tempfile
import time
import venv
from pathlib import Path

import numpy as np
import requests
from PIL import Image

from fashion_mnist import command
from fashion_mnist.errors import InputError

ROOT = Path(__file__).parent.parent
START_PERIOD = 20  # seconds
GRACE = 5  # seconds
URL = "http://127.0.0.1:8000"


def context() -> set[Path]:
    """Return the files of the build context: those that .dockerignore excepts."""
    allowed: set[Path] = set()
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            for path in ROOT.glob(line[1:]):
                allowed |= {path, *path.rglob("*")}
        elif line not in ("*", "**/__pycache__"):
            raise InputError(f".dockerignore: {line} found, expected exceptions (!) from *")
    return {path for path in allowed if path.is_file() and "__pycache__" not in path.parts}


def copy(sources: list[str], target: Path) -> None:
    for source in sources:
        origin = ROOT / source
        files = [path for path in context() if path == origin or origin in path.parents]
        if not files:
            raise InputError(f"{source}: not in the build context; see .dockerignore, or `make`")
        for path in files:
            place = target / (path.relative_to(origin) if origin.is_dir() else path.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)


def write_nothing() -> None:
    """Forbid this process to write a byte into any file, even as root."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def ask() -> None:
    """Ask for what needs files of the image, or would need a folder to write to.

    Raises:
        InputError: an answer is none.
    """
    card = requests.get(f"{URL}/v2/models/cnn/card", timeout=60)
    if "test" not in card.json():
        raise InputError(f"the card of cnn: {card.text} found; expected its test results")
    pixels = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), np.uint8)
    picture = io.BytesIO()
    Image.fromarray(pixels).save(picture, "PNG")
    # Larger than what parsers of forms keep in memory unless they are told to.
    files = {"files": ("large.png", picture.getvalue())}
    answer = requests.post(f"{URL}/predict", files=files, timeout=60)
    if not answer.ok:
        raise InputError(f"a large picture in a form: {answer.status_code}: {answer.text}")


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder, environment = Path(scratch) / "service", Path(scratch) / "venv"
        folder.mkdir()
        venv.create(environment, with_pip=True)
        python = environment / "bin" / "python"
        commands = {}
        for line in (ROOT / "Dockerfile").read_text().splitlines():
            instruction, _, rest = line.partition(" ")
            if instruction == "COPY":
                *sources, target = rest.split()
                found = [path.relative_to(ROOT) for source in sources for path in ROOT.glob(source)]
                copy([path.as_posix() for path in found] or sources, folder / target)
            elif instruction == "RUN" and rest.startswith("pip"):
                subprocess.run([python, "-m", *shlex.split(rest)], cwd=folder, check=True)
            elif instruction in ("CMD", "HEALTHCHECK"):
                commands[instruction] = json.loads(rest[rest.index("[") :])
        server = subprocess.Popen(
            [python, *commands["CMD"][1:]],
            cwd=folder,
            env=os.environ | {"HOME": "/nonexistent", "TMPDIR": "/nonexistent"},
            preexec_fn=write_nothing,
            stdout=subprocess.PIPE,  # where this command's own goes to a file
        )
        try:
            deadline = time.monotonic() + START_PERIOD
            while subprocess.run(
                [python, *commands["HEALTHCHECK"][1:]], stderr=subprocess.DEVNULL
            ).returncode:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise InputError("the service of the Dockerfile does not become healthy")
            ask()
            server.terminate()
            try:
                server.wait(GRACE)
            except subprocess.TimeoutExpired:
                raise InputError(f"the service does not end within {GRACE} s") from None
        finally:
            server.kill()
            server.communicate()
        size = sum(path.stat().st_size for path in Path(scratch).rglob("*") if path.is_file())
    print(f"healthy; {size / 1e6:.0f} MB with its environment, on top of the base image")


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
