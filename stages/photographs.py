"""photographs/head.npz -> models/photographs.onnx, with its model card models/photographs.json.

The frozen network comes from a package. The head learned from photographs of garments; `make
photographs` makes it anew, which needs the photographs.
"""

from pathlib import Path

from fashion_mnist import command, files
from fashion_mnist.inference import model_card
from fashion_mnist.inference.head import Head
from fashion_mnist.params.photographs import Photographs
from fashion_mnist.training import photograph_graph

HEAD, MODEL = Path("photographs/head.npz"), Path("models/photographs.onnx")


def main() -> None:
    head = Head.load(HEAD)
    model = photograph_graph.to_onnx(Photographs.load().backbone, head)
    files.write_bytes(MODEL, model.SerializeToString())
    card = model_card.describe_photographs(MODEL, HEAD, head.info)
    files.write_json(MODEL.with_suffix(".json"), card)


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
