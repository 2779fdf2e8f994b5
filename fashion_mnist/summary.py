"""Print the results of the last `dvc repro`: `python -m fashion_mnist.summary`."""

import json
from pathlib import Path

from fashion_mnist import command
from fashion_mnist.errors import InputError

EVALUATION = Path("metrics/evaluate.json")
NEXT_STEPS = """
plots       plots/*.png
metrics     metrics/*.json
page        make serve
keep        git add dvc.lock metrics plots && git commit -m "Results of this machine"
experiment  . .venv/bin/activate
            dvc exp run -S train.epochs=10 && make report BASE=HEAD"""


def main() -> None:
    try:
        evaluation = json.loads(EVALUATION.read_text())
        print(table(evaluation))
    except FileNotFoundError:
        raise InputError(f"{EVALUATION}: not found; make it with `dvc repro`") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"{EVALUATION}: not what the stage evaluate writes; `git checkout {EVALUATION}`"
        ) from None
    print(NEXT_STEPS)


def table(evaluation: dict) -> str:
    """Return metrics/evaluate.json as a table: each model's accuracy with its interval."""
    lines = ["", "model   test accuracy   95 % interval"]
    for name, model in evaluation.items():
        interval = f"{model['accuracy_low']:.2%} to {model['accuracy_high']:.2%}"
        lines.append(f"{name.upper():<7} {model['accuracy']:>13.2%}   {interval}")
    return "\n".join(lines)


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
