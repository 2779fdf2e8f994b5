"""A trial of a search: it trains, unless it would cost too much, and is stopped if it trails."""

import threading
from pathlib import Path

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from benchmarks import cost
from experiments import trainings
from experiments.space import Space
from experiments.training import LEARNED, Epoch, Training, build
from experiments.workers import Workers
from fashion_mnist.dataset import splits
from fashion_mnist.errors import InputError
from fashion_mnist.params.dataset import Dataset

# Attributes of a trial. `accuracies` are those of its epochs; `seconds` are those of a whole
# training here; `why` says why it was stopped; `untrained` is true where it was not begun.
ACCURACIES, MULTIPLY_ADDS, PARAMETERS = "accuracies", "multiply_adds", "parameters"
SECONDS, WHY, UNTRAINED = "seconds", "why", "untrained"
PEERS = 5  # a trial is stopped only if so many others can be compared with it
FROM = 1 / 3  # of a training: before that, accuracies tell little

_building = threading.Lock()  # Keras's names of layers are not made for threads


def size(training: Training) -> dict[str, int]:
    """Return the multiply-adds of a training on all training images, and the model's parameters."""
    images = sum(len(splits.load(Path("data") / name).labels) for name in LEARNED["test"])
    with _building:
        model = build(training.recipe, Dataset.load())
        multiply_adds = cost.training(model, images, training.train.epochs)
        return {MULTIPLY_ADDS: multiply_adds, PARAMETERS: model.count_params()}


def trails(accuracy: float, share: float, peers: list[list[float]]) -> bool:
    """Return whether a trial is worse than half of the others were at that point.

    It is the median rule of Golovin et al., "Google Vizier", KDD 2017, section 3.2.1. Optuna has
    it for trials of one objective and as many epochs each.

    Args:
        accuracy: after an epoch.
        share: of the trial's epochs that are done.
        peers: accuracies of each epoch of whole trials.
    """
    if share < FROM or share == 1 or len(peers) < PEERS:
        return False
    then = [np.interp(share, np.arange(1, len(peer) + 1) / len(peer), peer) for peer in peers]
    return accuracy < float(np.median(then))


class Objective:
    """What Optuna maximizes: a trial's accuracy; where the space names a cost, beside that cost."""

    def __init__(self, space: Space, study: optuna.Study, workers: Workers) -> None:
        self.space, self.study, self.workers = space, study, workers

    def __call__(self, trial: optuna.Trial) -> float | tuple[float, float]:
        cost_name, at_most = self.space.goal.cost, self.space.goal.at_most or np.inf
        try:
            training = self.space.suggest(trial)
            for name, value in size(training).items():
                trial.set_user_attr(name, value)
            if cost_name == MULTIPLY_ADDS and trial.user_attrs[MULTIPLY_ADDS] > at_most:
                raise ValueError(f"{trial.user_attrs[MULTIPLY_ADDS]:.3g} multiply-adds")
        except ValueError as error:  # pydantic's are such
            trial.set_user_attr(UNTRAINED, True)
            if not trial.constraints:  # a trial that was queued again has it
                trial.set_constraint("possible", 1)  # above 0: the sampler keeps away from it
            raise _pruned(trial, " ".join(str(error).split())) from None
        epochs: list[Epoch] = []
        reasons: list[str] = []

        def on_epoch(epoch: Epoch) -> bool:
            epochs.append(epoch)
            trial.set_user_attr(ACCURACIES, [one.accuracy for one in epochs])
            # The first epoch takes longer, because TensorFlow plans its work in it.
            seconds = min(one.seconds for one in epochs) * training.train.epochs
            trial.set_user_attr(SECONDS, seconds)
            if cost_name == SECONDS and seconds > at_most:
                reasons.append(f"{seconds:.0f} seconds")
            elif trails(epoch.accuracy, epoch.number / training.train.epochs, self._peers(trial)):
                reasons.append(f"trailed after epoch {epoch.number}")
            return bool(reasons)

        try:
            result = trainings.train(training, self.workers, on_epoch)
        except InputError as error:
            raise _pruned(trial, str(error)) from None
        if cost_name == SECONDS:
            trainings.forget([training])  # the same again must take its time
        if result is None:
            raise _pruned(trial, reasons[0])
        trial.set_user_attr(ACCURACIES, result["accuracy"])
        accuracy = result["accuracy"][-1]
        return (accuracy, trial.user_attrs[cost_name]) if cost_name else accuracy

    def _peers(self, trial: optuna.Trial) -> list[list[float]]:
        """Return the accuracies of whole trials that cost no more."""
        name = self.space.goal.cost
        return [
            other.user_attrs[ACCURACIES]
            for other in self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
            if not name or other.user_attrs[name] <= trial.user_attrs[name]
        ]


def _pruned(trial: optuna.Trial, why: str) -> optuna.TrialPruned:
    trial.set_user_attr(WHY, why)
    return optuna.TrialPruned(why)


def accuracy(trial: FrozenTrial) -> float:
    """Return the validation accuracy after a trained trial's last epoch, a share."""
    return trial.user_attrs[ACCURACIES][-1]


def is_trained(trial: FrozenTrial) -> bool:
    """Return whether a trial is over and counts: it was whole, or stopped after it had begun."""
    is_over = trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
    return is_over and not trial.user_attrs.get(UNTRAINED, False)
