"""Where memory is short, one line says so, before the kernel or C++ ends the process."""

import resource
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, SPEC

from fashion_mnist import memory
from fashion_mnist.errors import InputError
from fashion_mnist.params.mlp import MLP
from fashion_mnist.params.train import Train
from fashion_mnist.training import fit, mlp


def test_no_more_is_free_than_the_machine_and_the_shell_allow(monkeypatch):
    of_machine = memory.free()
    assert of_machine is not None
    assert of_machine > 100_000_000
    monkeypatch.setattr(resource, "getrlimit", lambda which: (10**20, 10**20))
    assert memory.free() == pytest.approx(of_machine, rel=0.2)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1000, 1000))
    assert memory.free() == 0


@pytest.mark.parametrize("version", [1, 2])
def test_no_more_is_free_than_the_container_and_what_is_around_it_allow(
    tmp_path, monkeypatch, version
):
    monkeypatch.setattr(memory, "CGROUPS", tmp_path)
    controllers, root, names = {
        1: ("memory", tmp_path / "memory", memory.V1),
        2: ("", tmp_path, memory.V2),
    }[version]
    inner, outer = root / "docker/abc", root / "docker"
    inner.mkdir(parents=True)
    texts = {
        "/proc/self/cgroup": f"1:cpu:/elsewhere\n0:{controllers}:/docker/abc\n",
        str(inner / names[0]): "max\n" if version == 2 else f"{2**63 - 4096}\n",
        str(inner / names[1]): "1000\n",
        str(outer / names[0]): "700000000\n",
        str(outer / names[1]): "600000000\n",
        str(outer / "memory.stat"): f"cache 1\n{names[2]} 50000000\n",
    }
    read = memory._read
    monkeypatch.setattr(memory, "_read", lambda file: texts.get(str(file), read(file)))
    assert memory.free() == 150_000_000


@pytest.mark.parametrize(
    ("changes", "batch_size"), [({"hidden_units": [2_000_000, 2_000_000]}, 1), ({}, 10**9)]
)
def test_a_setting_too_large_for_the_machine_is_named_before_it_is_built(changes, batch_size):
    recipe = MLP.load().model_copy(update=changes)
    train = Train.load().model_copy(update={"batch_size": batch_size})
    with pytest.raises(InputError, match=r"params.yaml: a training of mlp, of .* needs at least"):
        fit.built(mlp.build, recipe, SPEC, train)


def test_a_model_that_fits_is_the_one_that_is_built_without_a_look_at_the_memory():
    recipe, train = MLP.load(), Train.load()
    fit.prepare(train)
    expected = mlp.build(recipe, SPEC)
    fit.prepare(train)
    found = fit.built(mlp.build, recipe, SPEC, train)
    for one, other in zip(found.get_weights(), expected.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_a_command_in_a_shell_with_a_limit_says_what_it_needs():
    """In a real process: TensorFlow would abort in C++."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2 * 10**9, 2 * 10**9))"
    start = f"{limit}; import runpy, sys; sys.argv = ['-m']; import fashion_mnist"
    script = f"{start}; runpy.run_module('stages.train_mlp', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: TensorFlow needs at least 400 MB of memory, ")
    assert done.stderr.count("\n") == 1
