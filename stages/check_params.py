"""params.yaml -> data/params_checked.txt, data/models.json: every section follows its rules.

So does photographs/params.yaml. All other stages depend on this one, so a mistake stops `dvc repro`
before a stage loses its outputs. The file always has the same content, so a change of params.yaml
reruns only the stages whose sections changed. data/models.json lists the models, because DVC does
not notice when a stage reads one model less.
"""

from pathlib import Path

from fashion_mnist import command, files
from fashion_mnist.params import whole
from fashion_mnist.params.photographs import Photographs


def main() -> None:
    models = whole.check_pipeline()
    Photographs.load()
    files.write_json(Path("data/models.json"), models)
    files.write_bytes(
        Path("data/params_checked.txt"),
        b"params.yaml follows the rules of fashion_mnist/params.\n",
    )


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
