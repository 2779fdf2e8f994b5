"""What a trick is worth: `python -m benchmarks.ablate NAME [KEY=VALUE ...]`.

Trains the 94 % rung with these settings changed on the training split alone, three times, measures
it on the validation images and writes benchmarks/ablation/NAME.json.
"""

import sys
from pathlib import Path

from benchmarks import rows
from benchmarks.train import run
from fashion_mnist import files

SEEDS = (20, 21, 22)  # neither the search's nor those of the test figures

if __name__ == "__main__":
    name, *changes = sys.argv[1:]
    runs = [run(*rows.read("94", seed, *changes), "validation") for seed in SEEDS]
    files.write_json(Path(f"benchmarks/ablation/{name}.json"), {"changes": changes, "runs": runs})
