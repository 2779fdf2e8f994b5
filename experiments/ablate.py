"""What a trick is worth: `python -m benchmarks.ablate NAME [KEY=VALUE ...]`.

Trains the 94 % rung with these settings changed on the training split alone, once a seed, measures
it on the validation images and writes benchmarks/ablation/NAME.json.
"""

import argparse
from pathlib import Path

import stages
from benchmarks import rows
from benchmarks.train import run
from fashion_mnist import files

SEEDS = (20, 21, 22, 23, 24)  # not those of the test figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("changes", nargs="*", metavar="KEY=VALUE")
    given = parser.parse_args()
    runs = [run(*rows.read("94", seed, *given.changes), "validation") for seed in SEEDS]
    files.write_json(
        Path(f"benchmarks/ablation/{given.name}.json"), {"changes": given.changes, "runs": runs}
    )


if __name__ == "__main__":
    stages.run(main)
