# The service alone, without TensorFlow and DVC. Run `make` first, which makes the models.
#   docker build --tag service . && docker run --read-only --publish 127.0.0.1:8000:8000 service
# It writes no file, and ends within 5 s of SIGTERM; `docker stop` waits ten. For the same base
# tomorrow, name it by its digest: python:3.12-slim@sha256:...
FROM python:3.12-slim
WORKDIR /service
COPY requirements-service.txt .
RUN pip install --no-cache-dir --require-hashes --requirement requirements-service.txt
COPY fashion_mnist fashion_mnist
COPY service service
COPY models/*.onnx models/*.json models/
COPY models/samples models/samples
COPY models/similar models/similar
RUN useradd --system --no-create-home service
USER service
# Without it ONNX Runtime sends telemetry.
ENV ORT_DISABLE_TELEMETRY=1
EXPOSE 8000
HEALTHCHECK --start-period=5s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/v2/health/ready', timeout=3)"]
CMD ["python", "-m", "service", "--host", "0.0.0.0"]
