"""How every command starts, fails and ends."""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn

from fashion_mnist.errors import InputError

# Packages that `make` leaves out, and the target of the Makefile that installs them.
EXTRAS = {
    **dict.fromkeys(("faiss", "pyarrow"), ".venv/tag"),
    **dict.fromkeys(("optuna", "psycopg", "sqlalchemy"), ".venv/search"),
    "ray": ".venv/cluster",
}
INTERRUPTED = 128 + signal.SIGINT  # the exit status that shells give a command after Ctrl-C


def prepare() -> None:
    """Turn what imports may lack into one line, and let Ctrl-C end them without a traceback.

    It does nothing unless `python -m` is starting a command. Packages call it before they import
    anything that may be missing or slow.
    """
    if sys.argv[:1] == ["-m"]:  # Python's value of argv until the module of `-m` runs
        _open_closed_streams()
        sys.excepthook = _explain_failed_import
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _open_closed_streams() -> None:
    """Give a stream that the shell has closed an end, or the next file to open gets its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            flags = os.O_RDONLY if mode == "r" else os.O_WRONLY
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode))


def _explain_failed_import(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if isinstance(error, InputError):
        _complain(str(error))
        return
    if not isinstance(error, ModuleNotFoundError):
        sys.__excepthook__(kind, error, traceback)
        return
    make = f"make {EXTRAS[name]}" if (name := error.name or "") in EXTRAS else "make"
    _complain(
        f"{sys.executable} has no package {name}: run `{make}` once, then "
        "`. .venv/bin/activate`, and start again"
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}; `{self.prog} --help` lists the options\n")


def parser(docstring: str | None) -> argparse.ArgumentParser:
    """Return a parser for the module that is running; its docstring is the help's text."""
    spec = sys.modules["__main__"].__spec__
    name = spec.name.removesuffix(".__main__") if spec else None
    return _Parser(
        prog=f"python -m {name}" if name else None,
        description=docstring,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def count(text: str) -> int:
    """Return an option's value, a whole number of at least 1.

    Raises:
        argparse.ArgumentTypeError: it is another.
    """
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} found, expected 1 or more")
    return int(text)


def run(main: Callable[..., int | None], parser: argparse.ArgumentParser) -> NoReturn:
    """Call `main` with the parsed options as keyword arguments, and exit.

    The exit status is what `main` returns, where None means 0; 1 after an error; 130 after Ctrl-C.
    An InputError, an OSError and a MemoryError become one line on stderr. When the reader of stdout
    closes the pipe, the command ends quietly.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _open_closed_streams()
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        status = _main_status(main, parser)
        sys.stdout.flush()
    except InputError as error:
        status = _complain(str(error))
    except KeyboardInterrupt:
        print("interrupted; no file is half-written", file=sys.stderr)
        status = INTERRUPTED
    except BrokenPipeError:
        status = 0
    except MemoryError as error:
        status = _complain(
            f"not enough memory ({error}); end other programs, or take a smaller setting"
        )
    except OSError as error:
        reason = error.strerror or str(error)
        status = _complain(f"{error.filename}: {reason}" if error.filename else reason)
    try:
        sys.stdout.flush()
    except OSError:  # Python would try once more at exit, and end with another status
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def _main_status(main: Callable[..., int | None], parser: argparse.ArgumentParser) -> int:
    try:
        options = vars(parser.parse_args())
    except SystemExit as end:  # after --help, or a mistake in the options
        return int(end.code or 0)
    return main(**options) or 0


def _complain(line: str) -> int:
    print(f"error: {line}", file=sys.stderr)
    return 1
