"""The exported networks as a web service: FastAPI and ONNX Runtime, no TensorFlow."""
