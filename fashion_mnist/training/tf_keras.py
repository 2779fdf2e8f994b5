"""Keras on TensorFlow, with the same settings in every user's environment."""

import os
import platform
import sys
from pathlib import Path

from fashion_mnist import memory

for _name in [name for name in os.environ if name.startswith("KERAS_")]:
    del os.environ[_name]
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["KERAS_HOME"] = os.devnull  # Keras can neither find nor write a keras.json there
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# By default TensorFlow turns oneDNN on only for AVX512-VNNI, but training with AVX2 gains even
# more from it (docs/speed.md). On Arm TensorFlow decides.
if platform.machine().lower() in ("x86_64", "amd64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

memory.require(400_000_000, "TensorFlow", "end other programs, or allow more")

# Keras and TensorFlow import these, where they find them, for what nobody uses here: a third of the
# time that their own import takes. None makes Python say that a module is not installed.
_hidden = {"matplotlib", "pandas", "scipy", "sklearn"} - sys.modules.keys()
sys.modules.update(dict.fromkeys(_hidden))  # type: ignore[arg-type]

# While it is imported, TensorFlow writes to stderr whatever the log level.
sys.stderr.flush()
_stderr = os.dup(2)
with Path(os.devnull).open("wb") as _nowhere:
    os.dup2(_nowhere.fileno(), 2)
try:
    import keras
    import tensorflow as tf
finally:  # an import error must reach stderr
    os.dup2(_stderr, 2)
    os.close(_stderr)
    for _name in _hidden:
        del sys.modules[_name]

# It counts every model that predicts once, such as part of another, as a mistake.
tf.get_logger().setLevel("ERROR")

# GPUs would otherwise round the factors of float32 products to ten bits.
tf.config.experimental.enable_tensor_float_32_execution(False)

__all__ = ["keras", "tf"]
