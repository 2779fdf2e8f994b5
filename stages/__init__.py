"""The pipeline's stages, a script each; here is what they share: errors become one line."""

import signal
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from fashion_mnist.errors import InputError

PACKAGES = (
    *("keras", "matplotlib", "onnx", "onnxruntime", "pandas", "pydantic", "requests", "ruamel"),
    *("sklearn", "tqdm"),
)
if missing := [package for package in PACKAGES if find_spec(package) is None]:
    sys.exit(
        f"error: {sys.executable} lacks {', '.join(missing)}: run `make` once, then "
        "`. .venv/bin/activate`, and start again"
    )

# Ctrl-C while TensorFlow is still imported just ends the process: there is nothing to tidy up.
signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(main: Callable[[], None]) -> None:
    """Run a stage; an error that its user can mend is one line on stderr and exit status 1."""
    stage = Path(sys.argv[0]).stem
    signal.signal(signal.SIGINT, lambda *_: sys.exit("interrupted; nothing half-written is left"))
    try:
        main()
    except InputError as error:
        sys.exit(f"error in {stage}: {error}")
    except OSError as error:
        place = error.filename or "a temporary file"
        sys.exit(f"error in {stage}: {place}: {error.strerror or error}")
