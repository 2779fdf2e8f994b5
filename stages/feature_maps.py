"""models/cnn.keras, data/validation -> what its convolutions see, and how busy their units are.

plots/feature_maps_{first,middle,last}.png: the busiest units of three layers for one image of each
class; plots/kernels.png: the first layer; metrics/feature_maps.json: activity of every layer.
"""

from pathlib import Path

import numpy as np

from fashion_mnist import activations, dataset, figures, files, models, params, progress
from stages import run


def main() -> None:
    shown = params.load("feature_maps").feature_maps.maps
    model = models.load(Path("models/cnn.keras"))
    images, labels = dataset.load(Path("data/validation"))
    one_of_each_class = np.unique(labels, return_index=True)[1]
    names = activations.rectified_layers(model)
    activity = {}
    for name in names:
        progress.say(f"feature_maps: {name} for {len(labels):,} validation images")
        maps = activations.of_layer(model, name, images)
        activity[name] = activations.activity(maps)
        busiest = np.argsort(-maps.mean(axis=(0, 1, 2)), kind="stable")[:shown]
        _, height, width, units = maps.shape
        for position in activations.positions(names, name):
            figures.feature_maps(
                Path(f"plots/feature_maps_{position}.png"),
                images[one_of_each_class],
                labels[one_of_each_class],
                maps[one_of_each_class][..., busiest],
                f"{name}, {height}x{width}: the {len(busiest)} busiest of {units} units; "
                f"{activity[name]['active_share']:.0%} of the layer is active",
            )
    figures.kernels(
        Path("plots/kernels.png"),
        activations.first_kernels(model),
        "The kernels of the first convolution: blue adds, red takes away",
    )
    files.write_json(Path("metrics/feature_maps.json"), activity)


if __name__ == "__main__":
    run(main)
