"""models/*.keras -> models/*.onnx, which need no TensorFlow, each with a card beside it (.json).

An ONNX network takes raw uint8 images and carries its calibration, which data/validation sets.
That it answers as its Keras network does is checked on all of data/test. models/cnn_int8.onnx is
the CNN with 8-bit convolutions. metrics/export.json: calibration, decisions, the cost of 8 bits.
"""

from pathlib import Path

from fashion_mnist import (
    calibration,
    card,
    conversion,
    dataset,
    files,
    metrics,
    models,
    params,
    progress,
)
from fashion_mnist.classifier import Classifier
from stages import run

MODELS = Path("models")
OUTPUTS = ("probabilities", "calibrated_probabilities")


def main() -> None:
    settings = params.load("train", "mlp", "cnn", "export")
    sure_from = settings.export.sure_from
    training = dataset.load(Path("data/train"))
    validation = dataset.load(Path("data/validation"))
    test = dataset.load(Path("data/test"))
    test_pixels = dataset.to_pixels(test.images)
    answers, report = {}, {}
    for name in ("mlp", "cnn"):
        progress.say(f"export: the {name.upper()} as ONNX, held against Keras")
        network = models.load(MODELS / f"{name}.keras")
        temperature = calibration.fit_temperature(
            models.predict(network, validation.images), validation.labels
        )
        exported = conversion.to_onnx(network, temperature, sure_from)
        with files.whole(MODELS / f"{name}.onnx") as partial:
            partial.write_bytes(exported.SerializeToString())
            answers[name] = Classifier(partial).outputs(OUTPUTS, test_pixels)
            report[name] = {
                "temperature": temperature,
                "largest_difference": conversion.check_parity(
                    name, models.predict(network, test.images), answers[name][0]
                ),
            }
    progress.say("export: the CNN with 8-bit convolutions")
    ranges = dataset.to_pixels(training.images[: settings.export.quantization_images])
    quantized = conversion.quantize(MODELS / "cnn.onnx", ranges)
    files.write_bytes(MODELS / "cnn_int8.onnx", quantized.SerializeToString())
    answers["cnn_int8"] = Classifier(MODELS / "cnn_int8.onnx").outputs(OUTPUTS, test_pixels)
    correct = {name: rows.argmax(axis=1) == test.labels for name, (rows, _) in answers.items()}
    report["cnn_int8"] = {"against_cnn": metrics.compare(correct["cnn_int8"], correct["cnn"])}

    for name, (_, calibrated) in answers.items():
        report[name] |= metrics.decisions(calibrated, test.labels, sure_from)
        report[name] |= metrics.evaluate(calibrated, test.labels)
        del report[name]["classes"]  # as in metrics/evaluate.json
        source = name.removesuffix("_int8")
        files.write_json(
            MODELS / f"{name}.json",
            card.describe(
                MODELS / f"{name}.onnx",
                MODELS / f"{source}.keras",
                Path("data/train"),
                {s: getattr(settings, s).model_dump() for s in ("train", source)},
                report[name],
            ),
        )
    # Under a key of its own: metrics of equal names in two files get long names in `dvc exp show`.
    files.write_json(Path("metrics/export.json"), {"export": report})


if __name__ == "__main__":
    run(main)
