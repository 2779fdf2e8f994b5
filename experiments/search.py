"""Search for better settings: `python -m experiments.search SPACE.yaml --trials 40 --jobs 2`.

SPACE.yaml says what keys of params.yaml may be; experiments/space.py shows how, and
experiments/spaces/ has examples. Optuna's TPE chooses the trials. Each learns from the train split
and is measured on the validation split; test images play no part. A trial that trails is stopped.

The same command goes on after a kill or Ctrl-C: finished trials count, and the others go on after
their last whole epoch. The results go to experiments/searches/NAME/, where NAME is that of the
file. `python -m experiments.rerun NAME` then tells whether the best are better, or lucky.
"""

import argparse
import threading
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from experiments import rows, search_results, study, trainings, workers
from experiments.space import Space
from experiments.training import Training
from experiments.trial import UNTRAINED, Objective, accuracy, is_trained
from fashion_mnist import command, progress
from fashion_mnist.errors import InputError

PATIENCE = 100  # impossible trials in a row, until the search gives up


def main(path: Path, trials: int, jobs: int, storage: str | None, cluster: str | None) -> None:
    space = Space(path)
    with study.opened(space, storage) as studied, workers.start(jobs, cluster) as working:
        compared = with_what_it_is_compared(space)
        progress.say(f"{space.name}: {', '.join(compared)}, for comparison")
        results = trainings.train_all(list(compared.values()), working)
        Search(space, studied, working, trials).run()
        folder = search_results.write(space, studied, compared, results)
    print(f"{folder}: plots, trials.csv, best-*.args; `python -m experiments.rerun {space.name}`")


def with_what_it_is_compared(space: Space) -> dict[str, Training]:
    """Return the training of params.yaml's settings, and of the rows that the space names."""
    named = {
        name: Training(*rows.read(name, space.goal.seed), "validation") for name in space.goal.rows
    }
    return {"params.yaml": space.base, **named}


class Search:
    """Trials, as many at a time as there are workers, until enough have been trained."""

    def __init__(
        self, space: Space, studied: optuna.Study, working: workers.Workers, trials: int
    ) -> None:
        self.study, self.workers, self.trials = studied, working, trials
        self.objective = Objective(space, studied, working)
        self._lock, self._running = threading.Lock(), 0

    def run(self) -> None:
        """Run the trials that are missing.

        Raises:
            InputError: no trial was possible for a long time.
        """
        with progress.bar(total=self.trials, unit=" trials") as self.bar:
            self._show()
            for _ in self.workers.map(self._work, range(self.workers.slots)):
                pass

    def _work(self, slot: int) -> None:
        while self._begin():
            try:
                self.study.optimize(self.objective, n_trials=1)
            finally:
                self._end()

    def _begin(self) -> bool:
        with self._lock:
            last = self.study.get_trials(deepcopy=False)[-PATIENCE:]
            if len(last) == PATIENCE and all(one.user_attrs.get(UNTRAINED) for one in last):
                raise InputError(
                    f"the last {PATIENCE} trials were impossible ({last[-1].user_attrs['why']}); "
                    "expected a space with more possible settings"
                )
            is_enough = len(self._trained()) + self._running >= self.trials
            self._running += not is_enough
            return not is_enough

    def _end(self) -> None:
        with self._lock:
            self._running -= 1
            self._show()

    def _trained(self) -> list[FrozenTrial]:
        return [trial for trial in self.study.get_trials(deepcopy=False) if is_trained(trial)]

    def _show(self) -> None:
        trained = self._trained()
        whole = [trial for trial in trained if trial.state == TrialState.COMPLETE]
        best = max(map(accuracy, whole), default=0)
        stopped = len(trained) - len(whole)
        found = f"best {best:.2%}, {stopped} stopped early"
        self.bar.set_postfix_str(found)
        if self.bar.disable and len(trained) > self.bar.n:
            progress.say(f"{len(trained)} of {self.trials} trials: {found}")
        self.bar.update(len(trained) - self.bar.n)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("path", type=Path, metavar="SPACE.yaml")
    parser.add_argument("--trials", type=command.count, default=40, metavar="N", help="default: 40")
    workers.add_options(parser)
    parser.add_argument(
        "--storage",
        metavar="URL",
        help="postgresql://USER:PASSWORD@HOST/DATABASE, for a search that several machines share; "
        "default: a file in data/searches/",
    )
    return parser


if __name__ == "__main__":
    command.run(main, parser())
