"""The Dockerfile's steps without Docker: `python -m tests.follow_dockerfile`.

Copies what COPY copies into a fresh folder, runs pip there in a fresh environment, starts CMD and
waits for HEALTHCHECK. Not followed: the base image, useradd and USER, .dockerignore.
"""

import json
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
START_PERIOD = 20  # seconds


def copy(sources: list[str], target: Path) -> None:
    for source in sources:
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.mkdir(exist_ok=True)
            shutil.copy(ROOT / source, target)


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
                copy(sources, folder / target)
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
                    sys.exit("the service of the Dockerfile does not become healthy")
        finally:
            server.terminate()
            server.wait()
        size = sum(path.stat().st_size for path in Path(scratch).rglob("*") if path.is_file())
    print(f"healthy; {size / 1e6:.0f} MB with its environment, on top of the base image")


if __name__ == "__main__":
    main()
