"""The answers of cross-validation -> photographs/metrics, photographs/plots, predictions.csv.

No head that answered had learned from photographs of the same person. Where the photographs have a
folder `test`, the head that stays in Git answers them, once.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fashion_mnist import command, files, progress, tables
from fashion_mnist.dataset import photograph
from fashion_mnist.dataset.spec import Spec
from fashion_mnist.dataset.splits import Split
from fashion_mnist.evaluation import metrics, photograph_plots, plots
from fashion_mnist.inference.head import Head
from fashion_mnist.params.photographs import Photographs
from fashion_mnist.teaching import curve
from fashion_mnist.teaching.fit import Checked
from photographs import collection
from photographs.collection import PICTURES, Collection
from photographs.train import ANSWERS, HEAD

METRICS, PLOTS = Path("photographs/metrics"), Path("photographs/plots")
FEWEST = 50  # photographs, where the learning curve starts
RESAMPLES = 2000
MISTAKES, SHOWN_SIDE = 15, 160


def main() -> None:
    settings, head = Photographs.load(), Head.load(HEAD)
    names = collection.class_names(settings.classes)
    everything = Collection.load()
    learned = everything.to_learn_from
    with np.load(ANSWERS) as content:
        checked = Checked(**content)
    table = metrics.predictions(checked.probabilities, learned.examples.labels, names)

    results = _measure(table, checked.similarities, head, learned.examples.groups)
    progress.say("evaluate: learning from fewer photographs")
    count = len(table)
    shares = [FEWEST * 2**step / count for step in range(16) if FEWEST * 2**step < 0.8 * count]
    points = curve.learning_curve(learned.examples, len(names), checked, settings.train, shares)
    results["learning_curve"] = {str(point.pictures): point.accuracy for point in points}
    tested = everything.take(np.flatnonzero(everything.is_test))
    if len(tested.paths):
        probabilities, similarities = head(tested.examples.features)
        of_test = metrics.predictions(probabilities, tested.examples.labels, names)
        results["test"] = _measure(of_test, similarities, head, tested.examples.groups)
    files.write_json(METRICS / "evaluate.json", {"photographs": results})

    wrong = metrics.most_confident_mistakes(table)
    tables.write(
        Path("photographs/predictions.csv"),
        metrics.rounded(table).assign(
            similarity=checked.similarities.round(4), photograph=learned.paths
        ),
    )
    plots.confusion(
        PLOTS / "confusion.png",
        metrics.confusion(table),
        names,
        f"{len(table):,} photographs of people that the head had not learned from",
    )
    photograph_plots.calibration(PLOTS / "calibration.png", table)
    photograph_plots.answered(PLOTS / "answered.png", table, head.info.sure_from)
    photograph_plots.learning_curve(PLOTS / "learning_curve.png", points)
    shown = wrong[:MISTAKES]
    plots.predictions(
        PLOTS / "mistakes.png",
        _pictures(learned.take(shown), names, settings.classes.item),
        table.iloc[shown],
        "The most confident mistakes about photographs",
    )


def _measure(
    table: pd.DataFrame, similarities: np.ndarray, head: Head, people: np.ndarray
) -> dict[str, Any]:
    """Return the metrics of answers, the accuracy with its 95 % interval over people.

    The interval is that of a bootstrap which draws people, with all of their photographs.
    """
    numbers = np.unique(people, return_inverse=True)[1]
    rng = np.random.default_rng(0)
    draws = rng.multinomial(
        numbers.max() + 1, np.full(numbers.max() + 1, 1 / (numbers.max() + 1)), RESAMPLES
    )
    drawn = metrics.measure(table, draws[:, numbers])["accuracy"]
    low, high = np.quantile(drawn, [0.025, 0.975])
    other = (table["actual"] == head.info.other).to_numpy()
    of_seven = metrics.is_right(table)[~other]
    return {
        "photographs": len(table),
        "people": int(numbers.max() + 1),
        **metrics.summarize(table),
        "accuracy_low": float(low),
        "accuracy_high": float(high),
        "accuracy_without_other": float(of_seven.mean()),
        "other_found": float(metrics.is_right(table)[other].mean()) if other.any() else 0.0,
        **metrics.decisions(table, head.info.sure_from),
        "unknown_share": float((similarities < head.info.known_from).mean()),
        "classes": metrics.by_class(table),
    }


def _pictures(shown: Collection, names: list[str], item: str) -> Split:
    """Return photographs as images that can be drawn."""
    pixels = [photograph.pixels(PICTURES / path, path, SHOWN_SIDE) for path in shown.paths.tolist()]
    spec = Spec(
        title="photographs",
        item=item,
        classes=names,
        side=SHOWN_SIDE,
        channels=3,
        mirror_keeps_class=True,
        cut_out=False,
    )
    images = np.array(pixels, np.uint8).reshape(-1, *spec.image_shape) / np.float32(255)
    return Split(images, shown.examples.labels.astype(np.uint8), spec)


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
