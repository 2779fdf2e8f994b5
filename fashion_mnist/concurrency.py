"""What the processes of one machine share: its cores, and files that one at a time may hold."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from threadpoolctl import threadpool_limits

from fashion_mnist.errors import InputError

# For functions with small matrix products: more threads of BLAS wait for each other longer than
# they save, most of all beside other work.
one_blas_thread = threadpool_limits.wrap(1, "blas")


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def lock(path: Path, busy: str) -> Iterator[None]:
    """Hold a file, which is made with its folder, until the process ends, however it ends.

    Args:
        path: of the file.
        busy: what the error says.

    Raises:
        InputError: another process holds it, or it can't be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        reason = f"{error.strerror}; expected a folder that can be written"
        raise InputError(f"{path.parent}: {reason}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who held it until a moment ago may have deleted it.
            is_held = os.path.samestat(os.fstat(file.fileno()), path.stat())
        except OSError:
            is_held = False
        if not is_held:
            raise InputError(busy)
        yield
