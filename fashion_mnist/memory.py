"""The memory that this process may still take.

Where a limit is exceeded, the kernel ends a process without a word, or C++ does with many: what is
known to need much asks first.
"""

import re
import resource
from collections.abc import Iterator
from pathlib import Path

from fashion_mnist.errors import InputError

CGROUPS = Path("/sys/fs/cgroup")
# What a control group may hold and what it holds, in the two versions. Source: Linux's
# documentation, "Memory Resource Controller" and "Control Group v2".
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
V2 = ("memory.max", "memory.current", "inactive_file")
RESERVED = 8  # times the memory that TensorFlow and its threads use, of addresses


def require(needed: int, what: str, remedy: str) -> None:
    """Refuse what this machine, its container or the shell's limit can't hold.

    Raises:
        InputError: fewer bytes than `needed` are free.
    """
    found = free()
    if found is not None and found < needed:
        raise InputError(
            f"{what} needs at least {megabytes(needed)} of memory, {megabytes(found)} are free: "
            f"{remedy}"
        )


def megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def free() -> int | None:
    """Return the bytes that this process may still take; None where Linux does not tell."""
    return min((*_of_machine(), *_of_control_groups(), *_of_address_space()), default=None)


def _of_machine() -> Iterator[int]:
    found = _fields(Path("/proc/meminfo"))
    if "MemAvailable" in found:
        yield 1024 * (found["MemAvailable"] + found.get("SwapFree", 0))


def _of_control_groups() -> Iterator[int]:
    """Yield what is free in each group around this process, as far as its container shows them."""
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        root, names = (CGROUPS / "memory", V1) if controllers else (CGROUPS, V2)
        inside = root / group.lstrip("/")
        for folder in (inside, *inside.parents):
            limit, used = (_read(folder / name).strip() for name in names[:2])
            if limit.isdigit() and used.isdigit():
                cached = _fields(folder / "memory.stat").get(names[2], 0)
                yield max(0, int(limit) - int(used) + cached)
            if folder == root:
                break


def _of_address_space() -> Iterator[int]:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        used = 1024 * _fields(Path("/proc/self/status")).get("VmSize", 0)
        yield max(0, limit - used) // RESERVED


def _fields(file: Path) -> dict[str, int]:
    return {name: int(value) for name, value in re.findall(r"(?m)^(\w+):?\s+(\d+)", _read(file))}


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
