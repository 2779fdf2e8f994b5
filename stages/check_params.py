"""params.yaml -> data/params_checked.txt, data/models.json: every section follows its rules.

All other stages depend on this one, so a mistake in any section stops `dvc repro` before a stage
loses its outputs. The file always has the same content, so a change of params.yaml reruns only
the stages whose sections changed. data/models.json lists the models, because DVC does not notice
when a stage reads one model less.
"""

from pathlib import Path

from fashion_mnist import command, files
from fashion_mnist.params import whole


def main() -> None:
    files.write_json(Path("data/models.json"), whole.check_pipeline())
    files.write_bytes(
        Path("data/params_checked.txt"),
        b"params.yaml follows the rules of fashion_mnist/params.\n",
    )


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
