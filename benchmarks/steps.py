"""The time of a training step."""

import time

import numpy as np

from fashion_mnist.training.tf_keras import keras

SKIPPED = 5  # the first steps trace and warm up


class Steps(keras.callbacks.Callback):
    """A callback that records when each step of a training ends."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.ends.append(time.perf_counter())

    def median(self) -> float:
        """Return the median seconds of a step, without the first SKIPPED ones."""
        return float(np.median(np.diff(self.ends)[SKIPPED:]))
