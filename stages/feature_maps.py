"""models/cnn.keras, data/validation -> what its convolutions see, and how active their units are.

plots/feature_maps_{first,middle,last}.png show the most active units of three layers for one image
of each class; plots/kernels.png shows the first layer; metrics/feature_maps.json has the activity
of every layer.
"""

from pathlib import Path

import numpy as np

from fashion_mnist import command, files, progress
from fashion_mnist.dataset import splits
from fashion_mnist.evaluation import plots
from fashion_mnist.params.feature_maps import FeatureMaps
from fashion_mnist.training import activations, ensemble, model_file


def main() -> None:
    maps_shown = FeatureMaps.load().maps_shown
    validation = splits.load(Path("data/validation"))
    model = ensemble.first(model_file.load(Path("models/cnn.keras"), validation.spec))
    shown = splits.one_of_each_class(validation.labels)
    names = activations.relu_layers(model)
    activity = {}
    for name in names:
        progress.say(f"feature_maps: {name} for {len(validation.labels):,} validation images")
        maps = activations.of_layer(model, name, validation.images)
        activity[name] = activations.activity(maps)
        most_active = np.argsort(-maps.mean(axis=(0, 1, 2)), kind="stable")[:maps_shown]
        _, height, width, units = maps.shape
        for position, layer in activations.layers_shown(names).items():
            if layer == name:
                plots.feature_maps(
                    Path(f"plots/feature_maps_{position}.png"),
                    validation.take(shown),
                    maps[shown][..., most_active],
                    f"{name}, {height}x{width}: the {len(most_active)} busiest of {units} units; "
                    f"{activity[name]['active_share']:.0%} of the layer is active",
                )
    plots.kernels(
        Path("plots/kernels.png"),
        activations.first_kernels(model),
        "The kernels of the first convolution: blue adds, red takes away",
    )
    files.write_json(Path("metrics/feature_maps.json"), activity)


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
