"""The kind of processor: the instructions that decide how fast models train on it."""

import os
import platform
from pathlib import Path
from typing import Any

# From fast to slow, each with its flag in /proc/cpuinfo.
KINDS = {
    "AMX-BF16": "amx_bf16",
    "AVX512-BF16": "avx512_bf16",
    "AVX512": "avx512f",
    "AVX2": "avx2",
}
MULTIPLIES_BFLOAT16 = ("AMX-BF16", "AVX512-BF16")
# The values of oneDNN's ONEDNN_MAX_CPU_ISA that limit a faster processor, by kind.
LIMITS = {
    "AVX512_CORE_BF16": "AVX512-BF16",
    "AVX512_CORE_FP16": "AVX512-BF16",
    "AVX512_CORE": "AVX512",
    "AVX512_CORE_VNNI": "AVX512",
    "AVX2": "AVX2",
    "AVX2_VNNI": "AVX2",
    "AVX2_VNNI_2": "AVX2",
}


def kind() -> str:
    """Return the kind of processor that oneDNN may use: a key of KINDS.

    Other processors have their machine's architecture as kind, such as aarch64.
    """
    fastest, names = _fastest(), list(KINDS)
    limit = LIMITS.get(os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper(), fastest)
    is_limited = fastest in names and names.index(limit) > names.index(fastest)
    return limit if is_limited else fastest


def describe() -> dict[str, Any]:
    """Return what a measurement says of its processor: kind, model, cores, flags of KINDS.

    Here the kind names both processors where one is limited: "AVX2 on AVX512-BF16".
    """
    model = next((_value(line) for line in _cpuinfo() if line.startswith("model name")), "")
    return {
        "kind": kind() if kind() == _fastest() else f"{kind()} on {_fastest()}",
        "model": model or platform.machine(),
        "cores": os.cpu_count() or 1,
        "flags": [flag for flag in KINDS.values() if flag in flags()],
    }


def flags() -> set[str]:
    """Return the flags of the first processor in /proc/cpuinfo; none where the file is missing."""
    lines = (line for line in _cpuinfo() if line.startswith("flags"))
    return set(_value(next(lines, "")).split())


def _fastest() -> str:
    known = flags()
    return next((kind for kind, flag in KINDS.items() if flag in known), platform.machine())


def _value(line: str) -> str:
    return line.partition(":")[2].strip()


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []
