"""What a process and its children cost, from Linux's /proc."""

import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

MOMENT = 0.1  # seconds
_TICKS = os.sysconf("SC_CLK_TCK")
_USER = 13  # where a process's times stand in its `stat`, behind the name; proc(5)


def tree(pid: int) -> list[int]:
    """Return a process and all that it started and that still run."""
    found, waiting = [], [pid]
    while waiting:
        current = waiting.pop()
        found.append(current)
        for listed in Path(f"/proc/{current}/task").glob("*/children"):
            try:
                waiting += map(int, listed.read_text().split())
            except OSError:
                continue  # the thread has ended
    return found


def cpu_seconds(pid: int) -> float:
    """Return the seconds of computing of a process, its children and those that ended."""
    ticks = 0
    for number, one in enumerate(tree(pid)):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            if not number:
                raise
            continue  # a child that has just ended
        # Its own and those of children that it has waited for.
        ticks += sum(map(int, fields[_USER - 2 : _USER + 2]))
    return ticks / _TICKS


def resident(pid: int) -> float:
    """Return the megabytes of a process and its children; what they share counts once."""
    kilobytes = 0
    for number, one in enumerate(tree(pid)):
        try:
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
        except OSError:
            if not number:
                raise
            continue
        if ":" in text:  # nothing of a process that is ending
            kilobytes += int(text.partition("\nPss:")[2].split()[0])
    return kilobytes * 1024 / 1e6


def connections(pid: int) -> int:
    """Return how many sockets a process has open."""
    count = 0
    for file in Path(f"/proc/{pid}/fd").iterdir():
        try:
            count += file.readlink().name.startswith("socket:")
        except OSError:
            continue
    return count


class Most:
    """The most memory of a process within a block of code; `megabytes` has it."""

    def __init__(self, pid: int, seconds: float = 0.05) -> None:
        self.pid, self.seconds = pid, seconds
        self.megabytes = resident(pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(self.seconds):
            try:
                self.megabytes = max(self.megabytes, resident(self.pid))
            except OSError:
                return  # it has ended


def wait_until_idle(pid: int, seconds: float) -> bool:
    """Wait until a process computes nothing for a moment; return whether it came to that."""
    deadline = time.monotonic() + seconds
    before = cpu_seconds(pid)
    while time.monotonic() < deadline:
        time.sleep(MOMENT)
        if (now := cpu_seconds(pid)) - before <= MOMENT / 5:
            return True
        before = now
    return False
