"""What a trick is worth: `python -m benchmarks.ablate NAME [KEY=VALUE ...]`.

Trains the 94 % rung with these settings changed on the training split alone, three times, measures
it on the validation images and writes benchmarks/ablation/NAME.json.
"""

import argparse
from pathlib import Path

import stages
from benchmarks import rows
from benchmarks.train import run
from fashion_mnist import files

SEEDS = (20, 21, 22)  # not those of the test figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("changes", nargs="*", metavar="KEY=VALUE")
    name, changes = vars(parser.parse_args()).values()
    runs = [run(*rows.read("94", seed, *changes), "validation") for seed in SEEDS]
    files.write_json(Path(f"benchmarks/ablation/{name}.json"), {"changes": changes, "runs": runs})


if __name__ == "__main__":
    stages.run(main)
