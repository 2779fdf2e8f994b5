"""What kind of processor this is: the instructions that decide how fast networks train on it."""

import os
import platform
from pathlib import Path

# The fastest first: a kind, and the flag of /proc/cpuinfo that makes a processor one of it.
KINDS = {
    "AMX-BF16": "amx_bf16",
    "AVX512-BF16": "avx512_bf16",
    "AVX512": "avx512f",
    "AVX2": "avx2",
}
MULTIPLIES_BFLOAT16 = ("AMX-BF16", "AVX512-BF16")


def kind() -> str:
    """Return a key of KINDS; on other processors, the machine's architecture, such as aarch64.

    ONEDNN_MAX_CPU_ISA=AVX2, oneDNN's own variable, makes any x86-64 processor one of kind AVX2.
    """
    known = flags()
    fastest = next((name for name, flag in KINDS.items() if flag in known), platform.machine())
    is_limited = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper() == "AVX2"
    return "AVX2" if is_limited and fastest in KINDS else fastest


def describe() -> dict[str, str | int | list[str]]:
    """Return what a measurement says of its processor: kind, model, cores, flags of KINDS."""
    model = next((_value(line) for line in _cpuinfo() if line.startswith("model name")), "")
    return {
        "kind": kind(),
        "model": model or platform.processor() or platform.machine(),
        "cores": os.cpu_count() or 1,
        "flags": [flag for flag in KINDS.values() if flag in flags()],
    }


def flags() -> set[str]:
    """Return the flags of the first processor in /proc/cpuinfo, or none without that file."""
    lines = (line for line in _cpuinfo() if line.startswith("flags"))
    return set(_value(next(lines, "")).split())


def _value(line: str) -> str:
    return line.partition(":")[2].strip()


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []
