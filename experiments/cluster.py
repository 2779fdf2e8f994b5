"""Workers on the machines of a Ray cluster; docs/cluster.md says how to start one."""

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from experiments import training as a_training
from experiments.training import Data, Epoch, HeldOut, OnEpoch, Training
from experiments.workers import Waiting, divide_cores
from fashion_mnist import ray_cluster
from fashion_mnist.errors import InputError

CODE = ("benchmarks", "experiments", "fashion_mnist")  # folders that the machines receive


class Cluster(Waiting):
    """Machines, of which each trains `jobs` models at a time.

    Ray sends the images to a machine once. A training whose machine is lost begins anew on another.
    """

    def __init__(self, address: str, jobs: int) -> None:
        """Connect.

        Args:
            address: of the cluster, as `ray_cluster.connect` takes it.
            jobs: trainings at a time on a machine; the cores of the smallest are divided by it.

        Raises:
            InputError: the cluster can't be reached, has no cores, or would take anyone's code.
        """
        code = [str(Path(name).resolve()) for name in CODE]
        ray_cluster.connect(address, py_modules=code)
        nodes: list[dict[str, Any]] = ray.nodes()
        machines = [node["Resources"] for node in nodes if node["Alive"]]
        machines = [resources for resources in machines if resources.get("CPU", 0) >= 1]
        if not machines:
            raise InputError(
                f"--cluster {address}: no machine with cores; start one, as docs/cluster.md shows"
            )
        self._cores = max(1, int(min(machine["CPU"] for machine in machines)) // jobs)
        self._gpus = min(1.0, min(machine.get("GPU", 0) for machine in machines) / jobs)
        super().__init__(sum(int(machine["CPU"]) // self._cores for machine in machines))
        self._data: dict[HeldOut, ray.ObjectRef] = {}
        self._lock = threading.Lock()

    def train(
        self, training: Training, checkpoint: Path, on_epoch: OnEpoch | None
    ) -> dict[str, Any] | None:
        epochs: Any = _epochs.options(num_cpus=self._cores, num_gpus=self._gpus).remote(
            training, self._send(training.measured_on), self._cores
        )
        try:
            for reference in epochs:
                kind, content = ray.get(reference)
                if kind == "result":
                    return content
                if kind == "error":
                    raise InputError(content)
                if on_epoch and on_epoch(content):
                    ray.cancel(epochs)
                    return None
        except RayError as error:
            if self.is_closed:
                raise KeyboardInterrupt from None
            raise InputError(f"a training on the cluster failed: {error}") from None
        raise InputError("a training on the cluster ended without a result")

    def _send(self, measured_on: HeldOut) -> "ray.ObjectRef":
        with self._lock:
            if measured_on not in self._data:
                self._data[measured_on] = ray.put(a_training.load(measured_on))
            return self._data[measured_on]

    def close(self) -> None:
        super().close()
        ray.shutdown()


@ray.remote(max_retries=-1, num_returns="streaming")
def _epochs(training: Training, data: Data, cores: int) -> Iterator[tuple[str, Any]]:
    """Train; yield each epoch, and at last the result or an error's text."""
    divide_cores(cores)
    told: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    is_cancelled = threading.Event()

    def on_epoch(epoch: Epoch) -> bool:
        told.put(("epoch", epoch))
        return is_cancelled.is_set()

    def train() -> None:
        try:
            told.put(("result", a_training.run(training, data, on_epoch)))
        except InputError as error:
            told.put(("error", str(error)))
        except Exception as error:
            told.put(("error", repr(error)))

    threading.Thread(target=train, daemon=True).start()
    try:
        kind = "epoch"
        while kind == "epoch":
            kind, content = told.get()
            yield kind, content
    finally:
        is_cancelled.set()
