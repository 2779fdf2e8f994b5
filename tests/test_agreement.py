"""Keras, the command and the service give the same answers about a thousand pictures."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import requests
from conftest import ROOT, Service, made_images
from PIL import Image

from fashion_mnist.dataset import splits
from fashion_mnist.evaluation import calibration
from fashion_mnist.inference.onnx_model import OnnxModel
from fashion_mnist.training import model_file
from fashion_mnist.training.prediction import predict

COUNT = 1000

pytestmark = pytest.mark.slow


def made(request: pytest.FixtureRequest) -> tuple[Path, np.ndarray]:
    pixels = made_images(COUNT, seed=9)[0]
    pixels[pixels < 100] = 0  # a black background, as in the dataset
    return request.getfixturevalue("exported"), pixels


def real() -> tuple[Path, np.ndarray]:
    if not (ROOT / "models" / "cnn.onnx").exists() or not (ROOT / "data" / "test").exists():
        pytest.skip("no real models here: `make` trains them")
    images = splits.load(ROOT / "data" / "test").images[:COUNT]
    return ROOT / "models", splits.to_pixels(images)


@pytest.mark.parametrize("kind", ["made", "real"])
def test_keras_the_command_and_the_service_agree(kind, request, tmp_path):
    folder, pixels = made(request) if kind == "made" else real()
    for position, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{position:04}.png")

    spec = OnnxModel(folder / "cnn.onnx").spec
    model = model_file.load(folder / "cnn.keras", spec)
    temperature = json.loads((folder / "cnn.json").read_text())["test"]["temperature"]
    scaled = pixels[..., None] / np.float32(255)
    keras = calibration.apply(predict(model, scaled), temperature)

    command = [sys.executable, "-m", "fashion_mnist.predict", "--json", str(tmp_path)]
    command += ["--model", str(folder / "cnn.onnx")]
    said = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True).stdout
    by_command = [*map(json.loads, said.splitlines())]

    service = Service(folder)
    by_service = []
    for start in range(0, COUNT, 100):
        files = [
            ("files", ((name := f"{n:04}.png"), (tmp_path / name).read_bytes()))
            for n in range(start, start + 100)
        ]
        answer = requests.post(service.url + "/predict", files=files, timeout=60).json()
        by_service += answer["predictions"]
    assert service.stop() == (0, "")

    for answers in (by_command, by_service):
        positions = [spec.classes.index(answer["class"]) for answer in answers]
        probabilities = [answer["probability"] for answer in answers]
        np.testing.assert_allclose(probabilities, keras[range(COUNT), positions], atol=1e-4)
        np.testing.assert_allclose(probabilities, keras.max(axis=1), atol=1e-4)
