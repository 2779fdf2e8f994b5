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
# The kinds that oneDNN's variable ONEDNN_MAX_CPU_ISA can hold a faster processor to.
LIMITS = {
    **dict.fromkeys(("AVX512_CORE_BF16", "AVX512_CORE_FP16"), "AVX512-BF16"),
    **dict.fromkeys(("AVX512_CORE", "AVX512_CORE_VNNI"), "AVX512"),
    **dict.fromkeys(("AVX2", "AVX2_VNNI", "AVX2_VNNI_2"), "AVX2"),
}


def kind() -> str:
    """Return the kind of processor that networks train on, as far as oneDNN is allowed to use it.

    A key of KINDS; on other processors, the machine's architecture, such as aarch64.
    """
    fastest, names = _fastest(), list(KINDS)
    limit = LIMITS.get(os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper(), fastest)
    is_held = fastest in names and names.index(limit) > names.index(fastest)
    return limit if is_held else fastest


def describe() -> dict[str, str | int | list[str]]:
    """Return what a measurement says of its processor: kind, model, cores, flags of KINDS.

    Unlike `kind`, it says when a processor is held to a slower kind: "AVX2 on AVX512-BF16".
    """
    model = next((_value(line) for line in _cpuinfo() if line.startswith("model name")), "")
    return {
        "kind": kind() if kind() == _fastest() else f"{kind()} on {_fastest()}",
        "model": model or platform.machine(),
        "cores": os.cpu_count() or 1,
        "flags": [flag for flag in KINDS.values() if flag in flags()],
    }


def flags() -> set[str]:
    """Return what /proc/cpuinfo says that the first processor can do; nothing without that file."""
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
