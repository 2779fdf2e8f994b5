"""The page: index.html with the words, the classes and the samples of the dataset."""

from html import escape
from pathlib import Path
from string import Template

from fashion_mnist.dataset.spec import Spec

FOLDER = Path(__file__).parent / "page"
SAMPLE = (
    '<li><button type="button"><img src="samples/{label}.png" alt="" draggable="false">'
    "<span>{name}</span></button></li>"
)


def render(spec: Spec, sample_labels: list[int]) -> str:
    """Return the page's HTML.

    Args:
        spec: what the images are.
        sample_labels: of the classes that have a sample.
    """
    names = {label: escape(spec.classes[label]).replace("/", "/<wbr>") for label in sample_labels}
    samples = [SAMPLE.format(label=label, name=name) for label, name in names.items()]
    advice = f"One {spec.item} on a plain background works best." if spec.cut_out else ""
    words = {
        "title": spec.title,
        "item": spec.item,
        "count": str(len(spec.classes)),
        "side": str(spec.side),
        "pixels": "colour pixels" if spec.channels > 1 else "grey pixels",
        "advice": advice,
    }
    template = Template((FOLDER / "index.html").read_text(encoding="utf-8"))
    escaped = {key: escape(word) for key, word in words.items()}
    return template.substitute(escaped, samples="\n        ".join(samples))
