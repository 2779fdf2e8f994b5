"""models/cnn.keras, data/validation -> what its convolutions see, and how busy their units are.

plots/feature_maps_{first,middle,last}.png: the busiest units of three layers for one image of each
class; plots/kernels.png: the first layer; metrics/feature_maps.json: activity of every layer.
"""

from pathlib import Path

import numpy as np

from fashion_mnist import activations, dataset, figures, files, models, params
from stages import run


def main() -> None:
    shown = params.load("feature_maps").feature_maps.maps
    model = models.load(Path("models/cnn.keras"))
    images, labels = dataset.load(Path("data/validation"))
    first_of_class = np.unique(labels, return_index=True)[1]
    names = activations.rectified_layers(model)
    maps = {name: activations.of_layer(model, name, images) for name in names}
    activity = {name: activations.activity(of_layer) for name, of_layer in maps.items()}
    files.write_json(Path("metrics/feature_maps.json"), activity)

    # A third of the way in, maps are still large enough to be looked at.
    for position, name in (
        ("first", names[0]),
        ("middle", names[len(names) // 3]),
        ("last", names[-1]),
    ):
        busiest = np.argsort(-maps[name].mean(axis=(0, 1, 2)), kind="stable")[:shown]
        _, height, width, units = maps[name].shape
        figures.feature_maps(
            Path(f"plots/feature_maps_{position}.png"),
            images[first_of_class],
            labels[first_of_class],
            maps[name][first_of_class][..., busiest],
            f"{name}, {height}x{width}: the {len(busiest)} busiest of {units} units; "
            f"{activity[name]['active_share']:.0%} of the layer is active",
        )
    figures.kernels(
        Path("plots/kernels.png"),
        activations.first_kernels(model),
        "The kernels of the first convolution: blue adds, red takes away",
    )


if __name__ == "__main__":
    run(main)
