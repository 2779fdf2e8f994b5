"""The exported models as a web service: FastAPI and ONNX Runtime, without TensorFlow."""

import fashion_mnist  # noqa: F401 - explains missing packages before they are imported
