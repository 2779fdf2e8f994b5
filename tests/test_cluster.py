"""Machines of a Ray cluster train and tag what this one does; two are killed on the way.

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
from conftest import made_images
from pandas.testing import assert_frame_equal
from PIL import Image

pytest.importorskip("ray", reason="install it with `make .venv/cluster`")
pq = pytest.importorskip("pyarrow.parquet", reason="install it with `make .venv/tag`")

from experiments import workers  # noqa: E402
from fashion_mnist.errors import InputError  # noqa: E402

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
for machine in 2 3 4; do
  # Machines that share a host need different ports, and time to take them.
  "$1/ray" start --address 127.0.0.1:6379 --node-ip-address 127.0.0.$machine --num-cpus 1 $memory \
    --min-worker-port ${machine}1000 --max-worker-port ${machine}1999 \
    --block > machine$machine.log 2>&1 &
  echo $! > machine$machine.pid
  "$1/python" -m tests_cluster_nodes $machine || { cat machine$machine.log; exit 1; }
done
"$1/python" train_four.py 127.0.0.1:6379 > trained.json || exit 1
"$1/python" tag_and_kill.py || exit 1
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
KILL = """
import os, signal, subprocess
from pathlib import Path

def kill(machine):
    process = int(Path(f"machine{machine}.pid").read_text())
    subprocess.run(["pkill", "--signal", "KILL", "--parent", str(process)])
    os.kill(process, signal.SIGKILL)
"""
TRAIN = """
import json, os, sys
from experiments import trainings, workers
from experiments.training import Training
from fashion_mnist.params.cnn import CNN
from fashion_mnist.params.train import Train
from killing import kill

EPOCHS = 40
seen = []

def kill_a_machine(epoch):
    seen.append(epoch)
    if len(seen) == EPOCHS:  # three trainings are under way
        kill(2)
    return False

if __name__ == "__main__":
    cluster = sys.argv[1] if len(sys.argv) > 1 else None
    train, recipe = Train.load(), CNN.load()
    wanted = [Training(train.model_copy(update={"seed": seed, "epochs": EPOCHS}), recipe,
                       "validation") for seed in range(4)]
    with workers.start(1 if cluster else os.cpu_count(), cluster) as working:
        if cluster:
            assert working.slots == 3
            run = working.train
            working.train = lambda training, path, on_epoch: run(training, path, kill_a_machine)
        print(json.dumps(trainings.train_all(wanted, working)))
        if cluster:
            import ray
            assert sum(node["Alive"] for node in ray.nodes()) == 3, "the head and two machines"
"""
TAG = """
import subprocess, sys, time
from pathlib import Path
from killing import kill

command = [sys.executable, "-m", "fashion_mnist.tag", "photos", "--output", "cluster.parquet",
           "--cluster", "127.0.0.1:6379"]
process = subprocess.Popen(command)
while not list(Path(".partial-cluster.parquet.parts").glob("*.parquet")):
    assert process.poll() is None, "the tagging ended before a machine could be killed"
    time.sleep(0.02)
kill(3)
sys.exit(process.wait())
"""
FILES = {
    "tests_cluster_nodes.py": NODES,
    "killing.py": KILL,
    "train_four.py": TRAIN,
    "tag_and_kill.py": TAG,
}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_machines_cost_only_what_they_had(bench):
    if reason := why_no_namespace():
        pytest.skip(reason)
    for name, content in FILES.items():
        (bench.folder / name).write_text(content)
    (bench.folder / "photos").mkdir()
    for at, pixels in enumerate(made_images(1500, seed=11)[0]):
        Image.fromarray(pixels).save(bench.folder / "photos" / f"{at}.png")
    (bench.folder / "photos" / "broken.png").write_bytes(b"no picture")
    here = {"QUIET": "1"}
    local = bench.run(sys.executable, "train_four.py", env=here)
    tag = (sys.executable, "-m", "fashion_mnist.tag", "photos", "--output", "local.parquet")
    bench.run(*tag, env=here)
    for result in (bench.folder / "data" / "trainings").iterdir():
        result.unlink()
    programs = str(Path(sys.executable).parent)
    bench.run(*NAMESPACE, "bash", "-c", SCRIPT, "bash", programs, env={**here, **TOKEN})
    said = (bench.folder / "trained.json").read_text().splitlines()  # Ray, too, writes there
    assert json.loads(said[-1]) == json.loads(local.stdout)
    assert len(list((bench.folder / "data" / "trainings").glob("*.json"))) == 4
    found, expected = (
        pq.read_table(bench.folder / f"{where}.parquet").to_pandas()
        for where in ("cluster", "local")
    )
    assert len(found) == 1501
    assert_frame_equal(found, expected, atol=1e-5)


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
