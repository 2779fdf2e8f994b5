"""What a model answers about test images, as lines, as a PNG and as a picture in the terminal."""

import contextlib
import logging
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from fashion_mnist.dataset import splits
from fashion_mnist.dataset.splits import Split
from fashion_mnist.errors import InputError
from fashion_mnist.evaluation import metrics, plots
from fashion_mnist.inference.onnx_model import OnnxModel

COLUMNS = 80  # of the terminal, at most, for the picture


def show(model: OnnxModel, positions: list[int], plot: Path | None) -> None:
    """Print the predicted and the true class of test images, and draw them.

    Args:
        model: an exported model.
        positions: of the test images, from 0.
        plot: a PNG to write; None writes none. On a terminal the picture is shown as well.

    Raises:
        InputError: there is no test image at a position, or the plot exists already.
    """
    test = splits.load(Path("data/test"))
    count = len(test.labels)
    for position in positions:
        if not 0 <= position < count:
            raise InputError(f"--test-image {position}: not found, expected 0 to {count - 1}")
    if plot and plot.exists():
        raise InputError(f"--plot {plot}: exists already; choose another name")
    chosen = test.take(np.array(positions))
    probabilities = model(splits.to_pixels(chosen.images)).probabilities
    table = metrics.predictions(probabilities, chosen.labels, model.spec.classes)
    for position, answer in zip(positions, table.to_dict("records"), strict=True):
        print(
            f"test image {position}  {answer['predicted']} {answer['probability']:.1%}, "
            f"true: {answer['actual']}"
        )
    if plot:
        plots.predictions(plot, chosen, table, "Test images: the answer, the true class")
    if sys.stdout.isatty():
        show_in_terminal(chosen)


def show_in_terminal(split: Split) -> None:
    """Show images side by side: by the sixel or Kitty's protocol, or else in half blocks.

    Where the package textual-image is missing or the terminal has no size, nothing is shown.
    """
    # The package warns, with a traceback, about every terminal that does not answer its questions.
    logging.getLogger("textual_image").setLevel(logging.ERROR)
    row = np.concatenate(list(splits.to_pixels(split.images)), axis=1)
    # What was cut out is shown dark on light, as on paper.
    picture = Image.fromarray(255 - row if split.spec.cut_out else row)
    large = picture.resize((8 * picture.width, 8 * picture.height), Image.Resampling.NEAREST)
    with contextlib.suppress(ModuleNotFoundError, ZeroDivisionError):
        from rich.console import Console
        from textual_image.renderable import Image as TerminalImage

        Console().print(TerminalImage(large, width=min(COLUMNS, 24 * len(split.labels))))
