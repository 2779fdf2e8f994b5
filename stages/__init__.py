"""The pipeline's stages, a script each; here is what they share: errors become one line."""

import signal
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

if any(find_spec(package) is None for package in ("keras", "pydantic", "ruamel", "sklearn")):
    sys.exit(
        f"error: {sys.executable} lacks the project's packages: run `make` once, then "
        "`. .venv/bin/activate` (or start commands with `.venv/bin/dvc` and PATH set)"
    )

from fashion_mnist.errors import InputError

# A handler rather than KeyboardInterrupt: Ctrl-C may come while TensorFlow is still imported.
signal.signal(signal.SIGINT, lambda *_: sys.exit("interrupted; nothing half-written is left"))


def run(main: Callable[[], None]) -> None:
    """Run a stage; an error that its user can mend is one line on stderr and exit status 1."""
    stage = Path(sys.argv[0]).stem
    try:
        main()
    except InputError as error:
        sys.exit(f"error in {stage}: {error}")
    except OSError as error:
        sys.exit(f"error in {stage}: {error.filename}: {error.strerror}")
