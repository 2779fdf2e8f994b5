"""Serve the models in models/ until Ctrl-C or SIGTERM: `python -m service`."""

import argparse
import contextlib
import ctypes
import gc
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from threadpoolctl import threadpool_limits

from fashion_mnist import command
from fashion_mnist.concurrency import cores
from fashion_mnist.errors import InputError
from service.app import create_app
from service.crowds import CONNECTIONS
from service.slow_clients import ImpatientProtocol

YES, NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")
M_MMAP_THRESHOLD = -3  # Source: glibc's malloc.h
SPARE = 100  # connections of requests that are answered, and of those that are being closed
GRACE = 3  # seconds for the requests under way after a signal to stop; Docker waits ten


class Server(uvicorn.Server):
    """uvicorn's server; it stops quietly, whatever is under way."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # What is cut off in the end would be logged as an error of the application.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        super().handle_exit(sig, frame)


def main(
    host: str,
    port: int,
    models: Path,
    head: Path | None,
    threads: int,
    timeout: float,
    root_path: str,
    log: bool,
) -> None:
    ImpatientProtocol.patience = timeout
    _give_memory_back()
    threadpool_limits(1, "blas")  # the cores belong to the jobs, which have threads of their own
    app = create_app(models, head, threads, log)
    gc.freeze()  # what stays is not searched for garbage again and again
    listener = listen(host, port)
    server = Server(
        uvicorn.Config(
            app,
            http=ImpatientProtocol,
            log_level="error",
            access_log=False,
            server_header=False,
            root_path=root_path.rstrip("/"),
            limit_concurrency=CONNECTIONS + SPARE,
            timeout_graceful_shutdown=GRACE,
        )
    )
    # uvicorn handles signals only while it serves, and afterwards raises them again. Without these
    # handlers a signal a moment earlier or later would end in a traceback.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, server.handle_exit)
    print(f"{address(listener)} is ready, Ctrl-C stops it", flush=True)
    server.run(sockets=[listener])
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.SIG_IGN)
    sys.stdout.flush()
    os._exit(0)  # without waiting for threads, which can't be stopped


def _give_memory_back() -> None:
    """Make glibc return large buffers to the system when they are freed, and keep none for later.

    Source: mallopt(3).
    """
    with contextlib.suppress(AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 1_000_000)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        InputError: the host or the port can't be used.
    """
    if not host:
        raise InputError("--host: '' found; expected an address, such as 127.0.0.1 or 0.0.0.0")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # `::` means every address, those of IPv4 included, whatever the system's default.
    is_dual = host == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server(
            (host, port), family=family, backlog=CONNECTIONS, dualstack_ipv6=is_dual
        )
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{host}:{port}: {reason}; choose others with --host and --port, or with "
            "`make serve PORT=8001`"
        ) from None


def address(listener: socket.socket) -> str:
    """Return the URL at which a socket listens."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def positive_seconds(text: str) -> float:
    """Read an option.

    Raises:
        argparse.ArgumentTypeError: it is not a positive number.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: expected seconds above 0")
    return seconds


def prefix(text: str) -> str:
    """Read an option.

    Raises:
        argparse.ArgumentTypeError: it is no path.
    """
    if text and not text.startswith("/"):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a path, such as /garments")
    return text


def yes_or_no(text: str) -> bool:
    """Read an option.

    Raises:
        argparse.ArgumentTypeError: it is neither.
    """
    if text.lower() not in (*YES, *NO):
        raise argparse.ArgumentTypeError(f"{text!r}: expected yes or no")
    return text.lower() in YES


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line; SERVICE_PORT is the default of --port, and so on."""
    parser = command.parser(__doc__)
    parser.epilog = "An option that is not given has the value of SERVICE_PORT, and so on, if set."

    def option(name: str, default: object, **settings: Any) -> None:
        variable = "SERVICE_" + name.strip("-").replace("-", "_").upper()
        if default not in (None, ""):
            settings["help"] += f"; {default} by default"
        parser.add_argument(name, default=os.environ.get(variable) or default, **settings)

    option("--host", "127.0.0.1", help="0.0.0.0: all of this machine's; ::, those of IPv6, too")
    option("--port", 8000, type=int, help="0: any free one")
    option("--models", Path("models"), type=Path, help="the folder that the stages write")
    option(
        "--head",
        None,
        type=Path,
        metavar="FOLDER",
        help="what `python -m fashion_mnist.teach` wrote",
    )
    option("--threads", cores(), type=command.count, help="for pictures, and as many for tensors")
    option(
        "--timeout",
        ImpatientProtocol.patience,
        type=positive_seconds,
        help="seconds for a request to arrive, and for its answer to be taken",
    )
    option("--root-path", "", type=prefix, help="what a proxy cuts off, such as /garments")
    option(
        "--log",
        "no",
        nargs="?",
        const="yes",
        type=yes_or_no,
        metavar="yes",
        help="a line of JSON on stderr for each request",
    )
    return parser


def run() -> None:
    """Run the command; the entry point of fashion-mnist-serve."""
    command.run(main, parser())


if __name__ == "__main__":
    run()
