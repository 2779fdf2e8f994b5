"""Serve the models in models/ until Ctrl-C or SIGTERM: `python -m service`."""

import argparse
import signal
import socket
from pathlib import Path

import uvicorn

from fashion_mnist import command
from fashion_mnist.errors import InputError
from service.app import create_app
from service.slow_clients import ImpatientProtocol

CONNECTIONS = 1000
GRACE = 10  # seconds for the requests under way after a signal to stop


def main(host: str, port: int, models: Path, head: Path | None, timeout: float) -> None:
    ImpatientProtocol.patience = timeout
    app = create_app(models, head)
    listener = listen(host, port)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=ImpatientProtocol,
            log_level="error",
            access_log=False,
            server_header=False,
            limit_concurrency=CONNECTIONS,
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


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        InputError: the host or the port can't be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=CONNECTIONS)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{host}:{port}: {reason}; choose others with --host and --port") from None


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


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0: all of this machine's")
    parser.add_argument("--port", type=int, default=8000, help="0: any free one")
    parser.add_argument(
        "--models", type=Path, default=Path("models"), help="the folder that the stages write"
    )
    parser.add_argument(
        "--head", type=Path, metavar="FOLDER", help="what `python -m fashion_mnist.teach` wrote"
    )
    parser.add_argument(
        "--timeout",
        type=positive_seconds,
        default=ImpatientProtocol.patience,
        help="seconds for a request to arrive, and for its answer to be taken",
    )
    return parser


def run() -> None:
    """Run the command; the entry point of fashion-mnist-serve."""
    command.run(main, parser())


if __name__ == "__main__":
    run()
