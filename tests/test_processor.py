"""The kind of a processor, from what Linux says about it."""

import pytest

from fashion_mnist.training import processor

CPUINFO = """processor\t: 0
model name\t: A Processor 9000
flags\t\t: fpu sse2 {flags}
processor\t: 1
model name\t: A Processor 9000
flags\t\t: fpu sse2 {flags}
"""
FLAGS = {
    "AMX-BF16": "avx2 avx512f avx512_bf16 amx_bf16",
    "AVX512-BF16": "avx2 avx512f avx512_bf16",
    "AVX512": "avx2 avx512f",
    "AVX2": "avx avx2",
}


@pytest.fixture
def machine(monkeypatch):
    def set_up(flags: str, limit: str | None = None) -> None:
        monkeypatch.setattr(processor, "_cpuinfo", CPUINFO.format(flags=flags).splitlines)
        monkeypatch.setattr(processor.platform, "machine", lambda: "x86_64")
        monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
        if limit:
            monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)

    return set_up


@pytest.mark.parametrize(("kind", "flags"), FLAGS.items())
def test_the_fastest_instructions_name_the_kind(machine, kind, flags):
    machine(flags)
    assert processor.kind() == kind
    described = processor.describe()
    assert (described["kind"], described["model"]) == (kind, "A Processor 9000")
    assert "avx2" in described["flags"]


def test_another_processor_is_named_by_its_architecture(machine):
    machine("avx")
    assert processor.kind() == processor.describe()["kind"] == "x86_64"


def test_a_limited_processor_counts_as_the_slower_kind_and_is_described_as_both(machine):
    machine(FLAGS["AVX512-BF16"], limit="AVX2")
    assert processor.kind() == "AVX2"
    assert processor.describe()["kind"] == "AVX2 on AVX512-BF16"
    machine(FLAGS["AMX-BF16"], limit="avx512_core")
    assert processor.describe()["kind"] == "AVX512 on AMX-BF16"
    machine(FLAGS["AVX2"], limit="AVX512_CORE")
    assert processor.describe()["kind"] == "AVX2"
    machine(FLAGS["AVX2"], limit="AVX2")
    assert processor.describe()["kind"] == "AVX2"
    machine(FLAGS["AVX512-BF16"], limit="all")
    assert processor.describe()["kind"] == "AVX512-BF16"
    machine(FLAGS["AVX512-BF16"], limit="avx2_vnni")
    assert processor.kind() == "AVX2"
    machine(FLAGS["AVX2"], limit="AVX2")
    assert processor.describe()["kind"] == "AVX2"
