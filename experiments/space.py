"""The space of a search: a YAML file with what params.yaml's keys may be.

    search:
      cost: multiply_adds
      at_most: 3.0e+13
    train.epochs: {low: 3, high: 8}
    cnn.learning_rate: {low: 0.005, high: 0.1, log: true}
    cnn.flip: {choices: [true, false]}
    cnn:
      choices:
      - {filters: [16, 32], pool_after: [1, 2]}
      - {filters: [32, 32, 64], pool_after: [1, 3]}

Other keys keep the values of params.yaml. A section with choices of several keys takes them
together. What is drawn from `low` to `high` is an integer where both are.
"""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import optuna
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from experiments import rows
from experiments.rows import RECIPES
from experiments.training import Training
from fashion_mnist.dataset.spec import Spec
from fashion_mnist.errors import InputError
from fashion_mnist.params import section, whole
from fashion_mnist.params.dataset import Dataset
from fashion_mnist.params.recipe import Recipe
from fashion_mnist.params.section import Section, Seed
from fashion_mnist.params.train import Train

SECTIONS: dict[str, type[Section]] = {Train.section: Train, **RECIPES}
Cost = Literal["multiply_adds", "seconds"]
NAME = re.compile(r"[A-Za-z0-9_-]+")  # of files, databases and experiments of Git


class Goal(Section):
    """The section `search`: what is searched for.

    Attributes:
        cost: what a better accuracy may cost; the result is then a front. multiply_adds are those
            of a training on all images that are not for test, seconds those of a trial here.
        at_most: trials that cost more are not trained.
        rows: of experiments/rows/, measured like the trials, for comparison.
        seed: of all trainings, and of the choice of trials.
    """

    section = "search"

    cost: Cost | None = None
    at_most: Annotated[float, Field(gt=0)] | None = None
    rows: list[str] = Field(default_factory=list)
    seed: Seed = 0

    @model_validator(mode="after")
    def _check_at_most(self) -> "Goal":
        if self.at_most is not None and self.cost is None:
            raise ValueError("at_most: expected together with cost")
        return self


class Choices(BaseModel):
    """One of several values, which may be lists, or keys and values."""

    model_config = ConfigDict(extra="forbid")
    choices: Annotated[list[Any], Field(min_length=1)]

    @property
    def limits(self) -> list[Any]:
        """All values that must be allowed."""
        return self.choices

    def suggest(self, trial: optuna.trial.BaseTrial, key: str) -> Any:
        # Optuna's storage takes no lists.
        return json.loads(trial.suggest_categorical(key, [json.dumps(one) for one in self.choices]))


class Range(BaseModel):
    """A number from low to high, both included."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)
    low: int | float
    high: int | float
    step: Annotated[int | float, Field(gt=0)] | None = None
    log: bool = False

    @model_validator(mode="after")
    def _check(self) -> "Range":
        if self.low >= self.high:
            raise ValueError(f"low = {self.low}: expected less than high = {self.high}")
        if self.step and self.low + self.step > self.high:
            raise ValueError(f"step = {self.step}: expected at most {self.high - self.low}")
        if self.log and (self.low <= 0 or self.step):
            raise ValueError("log: expected with low above 0, and without step")
        return self

    @property
    def limits(self) -> list[Any]:
        """The least and the greatest value."""
        return [self.low, self.high]

    def suggest(self, trial: optuna.trial.BaseTrial, key: str) -> Any:
        numbers = (self.low, self.high, *([self.step] if self.step else []))
        if all(isinstance(number, int) for number in numbers):
            step = int(self.step or 1)
            return trial.suggest_int(key, int(self.low), int(self.high), step=step, log=self.log)
        return trial.suggest_float(key, self.low, self.high, step=self.step, log=self.log)


class Space:
    """What a search may try.

    Attributes:
        path: of the YAML file; its stem is the search's name.
        goal: what is searched for.
        base: what params.yaml says.
        keys: what each key of the file may be, by key.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            InputError: a file is missing, a key is unknown, or no value of a key is possible.
        """
        self.path = path
        if not NAME.fullmatch(self.name):
            raise InputError(
                f"{path}: a search has the name of its file, and {self.name!r} can't be that of "
                "experiments; expected letters, digits, - and _"
            )
        if not path.is_file():
            raise InputError(f"{path}: no such file; experiments/spaces/front.yaml is an example")
        content = dict(section.read(path))
        if other := [key for key in content if not isinstance(key, str)]:
            raise InputError(f"{path}: {other[0]!r} found, expected a key such as cnn.filters")
        self.goal = section.check(Goal, content.pop(Goal.section, {}), Goal.section, path=path)
        if unknown := sorted(set(self.goal.rows) - set(rows.names())):
            raise InputError(
                f"{path}: search.rows: {unknown[0]!r} found, expected {', '.join(rows.names())}"
            )
        params = whole.load()
        recipes = {name: recipe for name, recipe in params if isinstance(recipe, Recipe)}
        named = {key.partition(".")[0] for key in content} - {Train.section}
        if unknown := sorted(named - recipes.keys()):
            known = ", ".join([Goal.section, Train.section, *recipes])
            raise InputError(f"{path}: {unknown[0]}: expected a key of one of {known}")
        if len(named) != 1:
            raise InputError(
                f"{path}: keys of {len(named)} models found ({', '.join(sorted(named))}), expected "
                f"those of one: {' or '.join(recipes)}"
            )
        (model,) = named
        self.base = Training(
            params.train.model_copy(update={"seed": self.goal.seed}), recipes[model], "validation"
        )
        self._spec: Spec = Dataset.load()
        self.keys = {key: self._variable(key, value) for key, value in content.items()}
        self._check_once()

    @property
    def name(self) -> str:
        return self.path.stem

    def _variable(self, key: str, value: Any) -> Choices | Range:
        if not isinstance(value, dict):
            raise InputError(
                f"{self.path}: {key} = {value!r}: expected {{low: ..., high: ...}} or "
                "{choices: [...]}"
            )
        is_range = "choices" not in value
        variable: Choices | Range = (
            section.check(Range, value, key, path=self.path)
            if is_range
            else section.check(Choices, value, key, path=self.path)
        )
        name, _, field = key.partition(".")
        sections = self._sections()
        for limit in variable.limits:
            change = {field: limit} if field else limit
            if not isinstance(change, dict):
                raise InputError(
                    f"{self.path}: {key}: {limit!r} found, expected keys of {name} with values"
                )
            kind, values = SECTIONS[name], {**sections[name], **change}
            try:
                kind.model_validate(values)
            except ValidationError as error:
                # Without a place in the section it is about several keys: other values may suit.
                if any(each["loc"] for each in error.errors()):
                    section.check(kind, values, name, path=self.path)
        return variable

    def _check_once(self) -> None:
        """Check that no key is drawn twice: a section's choices have keys of their own."""
        drawn: dict[str, str] = {}
        for key, variable in self.keys.items():
            name, _, field = key.partition(".")
            fields = [field] if field else sorted({one for part in variable.limits for one in part})
            for full in (f"{name}.{one}" for one in fields):
                if full in drawn:
                    raise InputError(
                        f"{self.path}: {full}: found in both {drawn[full]} and {key}, expected one"
                    )
                if full == f"{Train.section}.seed":
                    raise InputError(
                        f"{self.path}: {full}: expected in the section search, one for all"
                    )
                drawn[full] = key

    def _sections(self) -> dict[str, dict[str, Any]]:
        train, recipe, _ = self.base
        return {Train.section: train.model_dump(), recipe.section: recipe.model_dump()}

    def suggest(self, trial: optuna.trial.BaseTrial) -> Training:
        """Return what a trial shall train.

        Raises:
            ValueError: the values are impossible together.
        """
        sections = self._sections()
        for key, variable in self.keys.items():
            name, _, field = key.partition(".")
            value = variable.suggest(trial, key)
            sections[name] |= {field: value} if field else value
        train, recipe = (SECTIONS[name](**values) for name, values in sections.items())
        recipe.check_against(self._spec)
        assert isinstance(train, Train)
        assert isinstance(recipe, Recipe)
        return Training(train, recipe, self.base.measured_on)
