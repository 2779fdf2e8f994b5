"""What watches a training: a check for NaN and a progress bar."""

import time

import numpy as np

from fashion_mnist import progress
from fashion_mnist.errors import InputError
from fashion_mnist.params.train import Train
from fashion_mnist.training.tf_keras import keras


class StopAtNaN(keras.callbacks.Callback):
    """Ends a training, with an InputError, when its loss is not a number."""

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        self._check(logs["loss"])

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        self._check(logs["val_loss"])  # only this loss shows the last update

    def _check(self, loss: float) -> None:
        if not np.isfinite(loss):
            raise InputError(
                f"the loss is {loss} in epoch {self.epoch}: training stopped; lower learning_rate "
                f"or weight_decay of {self.model.name} in params.yaml"
            )


class ProgressBar(keras.callbacks.Callback):
    """A bar with images/s and the time left; without a terminal, one line per epoch."""

    def __init__(self, images: int, train: Train) -> None:
        super().__init__()
        self.images, self.train = images, train
        self.skipped: int | None = None  # images of the epochs before a resumed training

    def on_train_begin(self, logs: dict | None = None) -> None:
        total = self.images * self.train.epochs
        self.bar = progress.bar(total=total, unit=" images", unit_scale=True)
        self.started = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.title = f"{self.model.name}, epoch {epoch + 1}/{self.train.epochs}"
        self.bar.set_description(self.title)
        self.epoch_start = epoch * self.images
        if self.skipped is None:
            self.skipped = self.epoch_start

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        seen = min((batch + 1) * self.train.batch_size, self.images)
        self.bar.update(self.epoch_start + seen - self.bar.n)

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        accuracy = f"val_accuracy {logs['val_accuracy']:.4f}"
        self.bar.set_postfix_str(accuracy)
        if self.bar.disable:
            seen = (epoch + 1) * self.images - (self.skipped or 0)
            rate = seen / (time.perf_counter() - self.started)
            left = (self.train.epochs - epoch - 1) * self.images / rate
            progress.say(f"{self.title}: {accuracy}, {rate:,.0f} images/s, {left:.0f} s left")

    def on_train_end(self, logs: dict | None = None) -> None:
        self.bar.close()
