"""The page: index.html with the words, the classes and the samples of the dataset."""

from html import escape
from pathlib import Path
from string import Template
from typing import NamedTuple

from fashion_mnist.dataset.spec import Spec
from fashion_mnist.inference.answers import Models

FOLDER = Path(__file__).parent / "page"
SAMPLE = (
    '<li><button type="button"><img src="samples/{label}.png" alt="" draggable="false">'
    "<span>{name}</span></button></li>"
)


class Words(NamedTuple):
    """What the page says of itself: at its top, beside the picture, and at its foot."""

    intro: str
    advice: str
    promise: str


IMAGES = Words(
    "A small neural network tells $count classes apart from $pixels.",
    "One $item on a plain background works best.",
    "The model knows $count classes from the pictures of $title and names one of them, whatever it "
    "is shown. On other pictures nothing is promised.",
)
IMAGES_AND_PHOTOGRAPHS = Words(
    "Photographs are answered by a model that learned from photographs, images of $title by a "
    "small CNN that sees $pixels.",
    "One $item, laid out or hung, works best.",
    "The model of photographs learned from what people photographed at home, one $item each, laid "
    "out or hung. Nothing is promised for what is worn, or for a catalogue's pictures. The small "
    "CNN knows the $count classes of $title and always names one of them.",
)
TAUGHT = Words(
    "A head that was taught answers here, about every picture: $taught.",
    "",
    "The head says when it is not sure, and when a picture is unlike those that it learned from. "
    "The small CNN, which learned from the pictures of $title, does not answer here.",
)


def render(spec: Spec, sample_labels: list[int], answering: Models | None = None) -> str:
    """Return the page's HTML.

    Args:
        spec: what the images are.
        sample_labels: of the classes that have a sample.
        answering: the models that answer; None where only the CNN does.
    """
    photographs = answering.photographs if answering else None
    said = IMAGES
    if answering and photographs:
        said = IMAGES_AND_PHOTOGRAPHS if answering.images else TAUGHT
    samples = [
        SAMPLE.format(label=label, name=escape(spec.classes[label])) for label in sample_labels
    ]
    colour = "colour" if spec.channels > 1 else "grey"
    words = {
        "title": spec.title,
        "item": answering.item if answering else spec.item,
        "count": str(len(spec.classes)),
        "side": str(spec.side),
        "pixels": f"{spec.side}\xa0\xd7\xa0{spec.side} {colour} pixels",
        "taught": ", ".join(photographs.info.classes) if photographs else "",
    }
    if not spec.cut_out and said is IMAGES:
        said = said._replace(advice="")
    words |= {key: Template(text).substitute(words) for key, text in said._asdict().items()}
    template = Template((FOLDER / "index.html").read_text(encoding="utf-8"))
    escaped = {key: escape(word) for key, word in words.items()}
    return template.substitute(escaped, samples="\n        ".join(samples))
