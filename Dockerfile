# The service alone, without TensorFlow and DVC. Run `make` first, which makes the models.
FROM python:3.12-slim
WORKDIR /service
COPY requirements-service.txt .
RUN pip install --no-cache-dir --require-hashes --requirement requirements-service.txt
COPY fashion_mnist fashion_mnist
COPY service service
COPY models/*.onnx models/
COPY models/samples models/samples
COPY models/similar models/similar
RUN useradd --system --no-create-home service
USER service
# Without it ONNX Runtime sends telemetry.
ENV ORT_DISABLE_TELEMETRY=1
EXPOSE 8000
HEALTHCHECK --start-period=5s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/v2/health/ready', timeout=3)"]
CMD ["python", "-m", "service", "--host", "0.0.0.0"]
