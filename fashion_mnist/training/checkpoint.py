"""What a training that was interrupted needs to end as if it had not been."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fashion_mnist import files
from fashion_mnist.training.tf_keras import keras

HISTORY = "history"


class Checkpoint(keras.callbacks.Callback):
    """Saves a training after each epoch: weights, optimizer, seeds of dropout, and the history.

    The order of the batches is not in it, because the training's seed decides that.
    """

    def __init__(self, path: Path, history: pd.DataFrame) -> None:
        """Go on with the history that `restore` returned."""
        super().__init__()
        self.path, self.epochs = path, history.to_dict("records")

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        self.epochs.append(logs)
        arrays: dict[str, Any] = {HISTORY: np.array(json.dumps(self.epochs))}
        for position, variable in enumerate(_state(self.model)):
            arrays[str(position)] = variable.numpy()
        with files.atomic(self.path) as partial, partial.open("wb") as file:
            np.savez(file, **arrays)


def restore(model: keras.Model, path: Path) -> pd.DataFrame:
    """Bring a compiled model to where a `Checkpoint` saved it.

    Returns:
        Keras's logs of the epochs that are done, a row each; without a whole file none.
    """
    model.optimizer.build(model.trainable_variables)
    state = _state(model)
    try:
        with np.load(path) as saved:
            history = json.loads(str(saved[HISTORY]))
            arrays = [saved[str(at)] for at in range(len(state))]
    except (FileNotFoundError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
        return pd.DataFrame()  # a power cut may leave half a file
    for variable, array in zip(state, arrays, strict=True):
        variable.assign(array)
    return pd.DataFrame(history)


def _state(model: keras.Model) -> list[keras.Variable]:
    return [*model.variables, *model.optimizer.variables]
