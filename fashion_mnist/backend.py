"""Keras on TensorFlow, imported without the chatter that no log level keeps TensorFlow from."""

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

sys.stderr.flush()
_stderr = os.dup(2)
with Path(os.devnull).open("wb") as _nowhere:
    os.dup2(_nowhere.fileno(), 2)
try:
    import keras
    import tensorflow as tf
finally:  # an error in the import is raised, not only printed
    os.dup2(_stderr, 2)
    os.close(_stderr)

# GPUs would round the factors of float32 products to ten bits.
tf.config.experimental.enable_tensor_float_32_execution(False)

__all__ = ["keras", "tf"]
