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
    """Return the kind of processor that networks train on.

    A key of KINDS; on other processors, the machine's architecture, such as aarch64. oneDNN's
    variable ONEDNN_MAX_CPU_ISA=AVX2 holds any x86-64 processor to what one of kind AVX2 does.
    """
    return "AVX2" if _is_held_to_avx2() else _fastest()


def describe() -> dict[str, str | int | list[str]]:
    """Return what a measurement says of its processor: kind, model, cores, flags of KINDS.

    Unlike `kind`, it calls a processor that is held to AVX2 so: "AVX2 on AVX512-BF16".
    """
    model = next((_value(line) for line in _cpuinfo() if line.startswith("model name")), "")
    return {
        "kind": f"AVX2 on {_fastest()}" if _is_held_to_avx2() else _fastest(),
        "model": model or platform.machine(),
        "cores": os.cpu_count() or 1,
        "flags": [flag for flag in KINDS.values() if flag in flags()],
    }


def _is_held_to_avx2() -> bool:
    is_asked_for = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper() == "AVX2"
    return is_asked_for and _fastest() in [kind for kind in KINDS if kind != "AVX2"]


def _fastest() -> str:
    known = flags()
    return next((kind for kind, flag in KINDS.items() if flag in known), platform.machine())


def flags() -> set[str]:
    """Return what /proc/cpuinfo says that the first processor can do; nothing without that file."""
    lines = (line for line in _cpuinfo() if line.startswith("flags"))
    return set(_value(next(lines, "")).split())


def _value(line: str) -> str:
    return line.partition(":")[2].strip()


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []
