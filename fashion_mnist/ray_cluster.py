"""Connecting to a Ray cluster; docs/cluster.md says how to start one."""

import logging
import os
import socket
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # `ray.init` reads it
import ray

from fashion_mnist.errors import InputError

AUTO = "auto"  # the cluster of this machine
CONNECT_SECONDS = 10


def connect(address: str, **environment: Any) -> None:
    """Connect to a cluster; `ray.shutdown()` ends that.

    Args:
        address: HOST:PORT of its head, or AUTO on one of its machines.
        environment: Ray's `runtime_env`.

    Raises:
        InputError: there is no such cluster, or it would run anyone's code.
    """
    if os.environ.get("RAY_AUTH_MODE") != "token":
        raise InputError(
            "--cluster: RAY_AUTH_MODE is not token: a cluster without a token runs what anyone "
            "sends to it; docs/cluster.md shows how to start one with it"
        )
    if address != AUTO:
        _check(address)
    try:
        ray.init(
            address=address,
            runtime_env=environment,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except Exception as error:  # Ray's exceptions have no base of their own
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise InputError(f"--cluster {address}: {reason}; is it running?") from None


def _check(address: str) -> None:
    """Check that something listens at HOST:PORT; Ray would try for many minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise InputError(f"--cluster {address}: expected HOST:PORT of the cluster's head, or auto")
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"--cluster {address}: {error}; is it running?") from None
