"""`python -m service`: serve the networks in models/ until Ctrl-C or SIGTERM."""

import argparse
import signal
import socket
import sys
from pathlib import Path

import uvicorn

from fashion_mnist.errors import InputError
from service.app import create_app
from service.slow_clients import ImpatientProtocol

CONNECTIONS = 1000
GRACE = 10  # seconds for the requests under way once it is told to stop


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m service", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0: all of this machine's")
    parser.add_argument("--port", type=int, default=8000, help="0: any free one")
    parser.add_argument("--models", type=Path, default=Path("models"), help="what the stages wrote")
    parser.add_argument(
        "--timeout",
        type=float,
        default=ImpatientProtocol.patience,
        help="seconds that a request may take to arrive, and its answer to be taken",
    )
    options = parser.parse_args()
    ImpatientProtocol.patience = options.timeout
    try:
        app = create_app(options.models)
        listener = socket.create_server(
            (options.host, options.port),
            family=socket.AF_INET6 if ":" in options.host else socket.AF_INET,
            backlog=CONNECTIONS,
        )
    except InputError as error:
        sys.exit(f"error: {error}")
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        sys.exit(f"error: {options.host}:{options.port}: {reason}; choose another with --port")
    config = uvicorn.Config(
        app,
        http=ImpatientProtocol,
        log_level="error",
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=GRACE,
    )
    server = uvicorn.Server(config)
    # uvicorn minds signals only while it serves, and raises again then what stopped it: without
    # these, one that comes a moment earlier or later would end in a traceback.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, server.handle_exit)
    host, port = listener.getsockname()[:2]
    host = f"[{host}]" if ":" in host else host
    print(f"http://{host}:{port} is ready, Ctrl-C stops it", flush=True)
    server.run(sockets=[listener])
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.SIG_IGN)


if __name__ == "__main__":
    main()
