"""What the last `dvc repro` gave, in a few lines: `python -m fashion_mnist.summary`."""

import json
import sys
from pathlib import Path

EVALUATION = Path("metrics/evaluate.json")


def table(evaluation: dict) -> str:
    """Format metrics/evaluate.json: each model's accuracy with its interval, and where to look."""
    lines = ["model   test accuracy   95 % interval"]
    for name, model in evaluation.items():
        if "classes" not in model:
            continue  # a comparison, not a model
        interval = f"{model['accuracy_low']:.2%} to {model['accuracy_high']:.2%}"
        lines.append(f"{name.upper()}     {model['accuracy']:>13.2%}   {interval}")
    return "\n".join(
        [
            "",
            *lines,
            "",
            "pictures    plots/*.png",
            "metrics     metrics/*.json",
            "commands    . .venv/bin/activate, then: dvc plots show --open, dvc metrics show,",
            "            dvc exp run -S train.epochs=10",
            "page        make serve",
        ]
    )


if __name__ == "__main__":
    try:
        print(table(json.loads(EVALUATION.read_text())))
    except FileNotFoundError:
        sys.exit(f"error: {EVALUATION}: not found; make it with `dvc repro`")
