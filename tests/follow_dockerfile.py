"""Follow the Dockerfile's steps without Docker: `python -m tests.follow_dockerfile`.

It copies what COPY copies, as far as .dockerignore lets it, into a fresh folder, runs pip in a
fresh environment, starts CMD and waits for HEALTHCHECK. It ignores the base image, useradd and
USER.
"""

import json
import shlex
import shutil
import subprocess
import tempfile
import time
import venv
from pathlib import Path

from fashion_mnist import command
from fashion_mnist.errors import InputError

ROOT = Path(__file__).parent.parent
START_PERIOD = 20  # seconds


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
        server = subprocess.Popen([python, *commands["CMD"][1:]], cwd=folder)
        try:
            deadline = time.monotonic() + START_PERIOD
            while subprocess.run(
                [python, *commands["HEALTHCHECK"][1:]], stderr=subprocess.DEVNULL
            ).returncode:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise InputError("the service of the Dockerfile does not become healthy")
        finally:
            server.terminate()
            server.wait()
        size = sum(path.stat().st_size for path in Path(scratch).rglob("*") if path.is_file())
    print(f"healthy; {size / 1e6:.0f} MB with its environment, on top of the base image")


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
