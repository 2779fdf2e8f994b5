"""Two machines of a Ray cluster train what this one trains; one is killed on the way.

Ray listens on all interfaces, so the cluster runs in a network namespace that has loopback alone.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="install it with `make .venv/cluster`")

from experiments import workers
from fashion_mnist.errors import InputError

# As root of this machine, or of a user namespace.
NAMESPACE = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
if os.getuid() != 0:
    NAMESPACE.insert(1, "--map-root-user")
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "only-for-a-test-on-loopback-0123456789"}


def why_no_namespace():
    """Return why no network namespace can be made here; None where it can."""
    if not shutil.which("unshare") or not shutil.which("ip"):
        return "unshare and ip are needed; on Debian: apt-get install util-linux iproute2"
    made = [*NAMESPACE, "ip", "link", "set", "lo", "up"]
    done = subprocess.run(made, capture_output=True, text=True)
    return f"network namespaces are not allowed: {done.stderr.strip()}" if done.returncode else None


# What happens in the namespace; arguments: the folder of Ray's programs, the test's own command.
SCRIPT = """
set -u
ip link set lo up
export RAY_USAGE_STATS_ENABLED=0 RAY_raylet_start_wait_time_s=180
memory="--object-store-memory 150000000"
"$1/ray" start --head --node-ip-address 127.0.0.1 --port 6379 --num-cpus 0 $memory \
  --include-dashboard false > head.log 2>&1 || { cat head.log; exit 1; }
for machine in 2 3; do
  # Machines that share a host need different ports, and time to take them.
  "$1/ray" start --address 127.0.0.1:6379 --node-ip-address 127.0.0.$machine --num-cpus 1 $memory \
    --min-worker-port ${machine}1000 --max-worker-port ${machine}1999 \
    --block > machine$machine.log 2>&1 &
  echo $! > machine$machine.pid
  "$1/python" -m tests_cluster_nodes $machine || { cat machine$machine.log; exit 1; }
done
shift
"$@"
"""
NODES = """
import sys, time, ray
ray.init(address="127.0.0.1:6379", logging_level="ERROR")
for _ in range(60):
    if sum(node["Alive"] for node in ray.nodes()) == int(sys.argv[1]):
        sys.exit()
    time.sleep(1)
sys.exit(1)
"""
TRAIN = """
import json, os, signal, subprocess, sys
from pathlib import Path
from experiments import trainings, workers
from experiments.training import Training
from fashion_mnist.params.cnn import CNN
from fashion_mnist.params.train import Train

EPOCHS = 40
seen = []

def kill_a_machine(epoch):
    seen.append(epoch)
    if len(seen) == EPOCHS:  # two trainings are half done
        machine = int(Path("machine2.pid").read_text())
        subprocess.run(["pkill", "--signal", "KILL", "--parent", str(machine)])
        os.kill(machine, signal.SIGKILL)
    return False

if __name__ == "__main__":
    cluster = sys.argv[1] if len(sys.argv) > 1 else None
    train, recipe = Train.load(), CNN.load()
    wanted = [Training(train.model_copy(update={"seed": seed, "epochs": EPOCHS}), recipe,
                       "validation") for seed in range(4)]
    with workers.start(1 if cluster else os.cpu_count(), cluster) as working:
        if cluster:
            assert working.slots == 2
            run = working.train
            working.train = lambda training, path, on_epoch: run(training, path, kill_a_machine)
        print(json.dumps(trainings.train_all(wanted, working)))
        if cluster:
            import ray
            assert sum(node["Alive"] for node in ray.nodes()) == 2, "the head and one machine"
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_machine_costs_only_its_trainings(bench):
    if reason := why_no_namespace():
        pytest.skip(reason)
    (bench.folder / "tests_cluster_nodes.py").write_text(NODES)
    (bench.folder / "train_four.py").write_text(TRAIN)
    programs = str(Path(sys.executable).parent)
    in_namespace = [*NAMESPACE, "bash", "-c", SCRIPT, "bash", programs]
    environment = {"QUIET": "1"}
    local = bench.run(sys.executable, "train_four.py", env=environment)
    for result in (bench.folder / "data" / "trainings").iterdir():
        result.unlink()
    trained = bench.run(
        *in_namespace, f"{programs}/python", "train_four.py", "127.0.0.1:6379",
        env={**environment, **TOKEN}, timeout=700,
    )  # fmt: skip
    assert json.loads(trained.stdout.splitlines()[-1]) == json.loads(local.stdout)
    assert len(list((bench.folder / "data" / "trainings").glob("*.json"))) == 4


@pytest.mark.parametrize(
    ("mode", "address", "said"),
    [
        ("", "127.0.0.1:1", "--cluster: RAY_AUTH_MODE is not token"),
        ("token", "127.0.0.1:1", "--cluster 127.0.0.1:1: [Errno 111] Connection refused; is it"),
        ("token", "somewhere", "--cluster somewhere: expected HOST:PORT of the cluster's head"),
    ],
)
def test_a_cluster_that_is_open_or_not_there_is_refused(monkeypatch, mode, address, said):
    """Nothing is sent to one without a token, because whoever answers may be anyone."""
    monkeypatch.setenv("RAY_AUTH_MODE", mode)
    with pytest.raises(InputError, match=re.escape(said)):
        workers.start(1, address)
