"""models/*.keras -> models/*.onnx, which need no TensorFlow, each with a model card (.json).

An ONNX model takes raw uint8 images and carries its calibration, fitted on data/validation. Its
answers are checked against Keras's on all of data/test. models/cnn_int8.onnx has 8-bit
convolutions; models/samples, an image of each class. metrics/export.json says what these cost.
"""

from pathlib import Path

import numpy as np

from fashion_mnist import command, files, progress
from fashion_mnist.dataset import splits
from fashion_mnist.evaluation import calibration, metrics
from fashion_mnist.inference import model_card, samples
from fashion_mnist.inference.onnx_model import CALIBRATED_PROBABILITIES, PROBABILITIES, OnnxModel
from fashion_mnist.params import whole
from fashion_mnist.params.export import Export
from fashion_mnist.params.train import Train
from fashion_mnist.training import model_file, onnx_export, prediction, quantization

MODELS = Path("models")


def main() -> None:
    train, models, export = Train.load(), whole.models(), Export.load()
    train_split = splits.load(Path("data/train"))
    validation = splits.load(Path("data/validation"))
    test = splits.load(Path("data/test"))
    test_pixels = splits.to_pixels(test.images)
    mirrored = export.mirrored(models, test.spec)
    answers: dict[str, list[np.ndarray]] = {}
    results: dict[str, dict] = {}

    def classify(path: Path) -> list[np.ndarray]:
        return OnnxModel(path).outputs((PROBABILITIES, CALIBRATED_PROBABILITIES), test_pixels)

    for name in models:
        progress.say(f"export: the {name.upper()} as ONNX, checked against Keras")
        mirror = name in mirrored
        predict = prediction.mirror_averaged if mirror else prediction.predict
        model = model_file.load(MODELS / f"{name}.keras", test.spec)
        probabilities = predict(model, validation.images)
        temperature = calibration.fit_temperature(probabilities, validation.labels)
        exported = onnx_export.to_onnx(model, test.spec, temperature, export.sure_from, mirror)
        with files.atomic(MODELS / f"{name}.onnx") as partial:
            partial.write_bytes(exported.SerializeToString())
            answers[name] = classify(partial)
            largest = onnx_export.check_parity(name, predict(model, test.images), answers[name][0])
        results[name] = {"temperature": temperature, "largest_difference": largest}

    progress.say("export: the CNN with 8-bit convolutions")
    ranges = splits.to_pixels(train_split.images[: export.quantization_images])
    quantized = quantization.quantize(MODELS / "cnn.onnx", ranges)
    files.write_bytes(MODELS / "cnn_int8.onnx", quantized.SerializeToString())
    answers["cnn_int8"] = classify(MODELS / "cnn_int8.onnx")
    right = {name: found[0].argmax(axis=1) == test.labels for name, found in answers.items()}
    results["cnn_int8"] = {"against_cnn": metrics.compare(right["cnn"], right["cnn_int8"])}

    for name, (_, calibrated) in answers.items():
        table = metrics.predictions(calibrated, test.labels, test.spec.classes)
        results[name] |= metrics.decisions(table, export.sure_from) | metrics.summarize(table)
        source = name.removesuffix("_int8")
        look = {"export": {"mirror_averaged": True}} if source in mirrored else {}
        card = model_card.describe(
            MODELS / f"{name}.onnx",
            MODELS / f"{source}.keras",
            Path("data/train"),
            test.spec,
            {"train": train.model_dump(), source: models[source].described()} | look,
            results[name],
        )
        files.write_json(MODELS / f"{name}.json", card)
    samples.write(MODELS / "samples", validation)
    # Under a key of its own, because `dvc exp show` lengthens names that two files share.
    files.write_json(Path("metrics/export.json"), {"export": results})


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
