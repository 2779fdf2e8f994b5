"""models/cnn.keras, data/validation -> what each layer of the CNN holds of the image and its class.

metrics/probe_layers.json has for every layer, of the trained CNN and of an untrained one: how much
of the image a linear map gives back, how well a linear probe tells the classes, how many units
carry that, and how many are active. plots/probe_layers.png draws it.
"""

from pathlib import Path

from fashion_mnist import command, files
from fashion_mnist.dataset import splits
from fashion_mnist.evaluation import probe_plot
from fashion_mnist.training import ensemble, layer_probes, model_file


def main() -> None:
    validation = splits.load(Path("data/validation"))
    model = ensemble.first(model_file.load(Path("models/cnn.keras"), validation.spec))
    probes = {
        "trained": layer_probes.measure(model, validation),
        "untrained": layer_probes.measure(layer_probes.untrained(model), validation),
    }
    probe_plot.layer_probes(Path("plots/probe_layers.png"), {"The CNN, by layer": probes})
    files.write_json(Path("metrics/probe_layers.json"), {"probes": probes})


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
