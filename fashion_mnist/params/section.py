"""A section of params.yaml: read, checked and typed."""

import difflib
import reprlib
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from fashion_mnist.errors import InputError

PATH = Path("params.yaml")

Count = Annotated[int, Field(ge=1, le=1_000_000)]
# Of a layer: 10,000 units behind 10,000 others have 400 MB of weights.
Units = Annotated[int, Field(ge=1, le=10_000)]
Rate = Annotated[float, Field(ge=0, lt=1)]
# AdamW and Muon change a weight by about so much in a step, whatever the gradient.
LearningRate = Annotated[float, Field(gt=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
SectionT = TypeVar("SectionT", bound="Section")
ModelT = TypeVar("ModelT", bound=BaseModel)
_QUOTED = reprlib.Repr()  # aliases may make a value of a short file endless
_QUOTED.maxlevel, _QUOTED.maxstring, _QUOTED.maxother = 1, 80, 80


class Section(BaseModel):
    """The base of every section's class."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
    section: ClassVar[str]

    def check_against(self, dataset: Any) -> None:
        """Check what depends on the dataset, a `Dataset`; a section with such rules overrides it.

        Raises:
            ValueError: a value does not suit the dataset.
        """

    @classmethod
    def load(cls: type[SectionT]) -> SectionT:
        """Return this section of params.yaml.

        Raises:
            InputError: the file is missing or is not YAML, or the section breaks a rule.
        """
        content = read()
        if cls.section not in content:
            raise _complaint({"type": "missing", "loc": (cls.section,)}, PATH)
        return check(cls, content[cls.section], cls.section)


def read(path: Path = PATH) -> dict[str, Any]:
    """Return the content of a YAML file, by default of params.yaml, unchecked.

    DVC reads the file with the same parser, so a value such as 1e-3 means the same to both.

    Raises:
        InputError: the file is missing, is not YAML, or has no keys.
    """
    try:
        content = YAML(typ="safe", pure=True).load(path)
    except FileNotFoundError:
        raise InputError(
            f"{path}: not found; run from the repository's root, or get the file back with "
            f"`git checkout {path}`"
        ) from None
    except RecursionError:
        raise InputError(f"{path}: nested too deeply; expected sections with keys") from None
    except MarkedYAMLError as error:  # its text quotes the file, and tells programmers what to do
        at = error.problem_mark
        where = f"line {at.line + 1}: " if at else ""
        # A key that is there twice is quoted with its values, of which nested ones are still empty.
        problem = str(error.problem or error.context).partition(" with value ")[0]
        raise InputError(f"{path}: not YAML: {where}{problem}") from None
    except (YAMLError, ValueError) as error:
        raise InputError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InputError(
            f"{path}: {type(content).__name__} found, expected keys and values; "
            f"`git checkout {path}` brings them back"
        )
    return content


def check(kind: type[ModelT], content: Any, *keys: str, path: Path = PATH) -> ModelT:
    """Return `content`, which stands under `keys` in a YAML file, as a `kind`.

    Raises:
        InputError: `content` breaks a rule; the text names the key, the value and the rule.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        # An unknown key explains the missing one that it was meant to be.
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        meant = _nearest(kind, first["loc"]) if first["type"] == "extra_forbidden" else None
        raise _complaint({**first, "loc": (*keys, *first["loc"])}, path, meant) from None


def _nearest(kind: type[BaseModel], loc: tuple[int | str, ...]) -> str | None:
    """Return the known key that is spelled most like the last one of `loc`, if one is."""
    *parents, unknown = loc
    for key in parents:
        field = kind.model_fields.get(str(key))
        kinds = (field.annotation, *get_args(field.annotation)) if field else ()
        models = [one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel)]
        if not models:
            return None
        kind = models[0]
    return next(iter(difflib.get_close_matches(str(unknown), kind.model_fields)), None)


def _complaint(error: dict[str, Any], path: Path, meant: str | None = None) -> InputError:
    # Where a value may have one of several types, pydantic adds the type's name to the key.
    parts = [str(part) for part in error["loc"] if "[" not in str(part)]
    if error["type"] == "extra_forbidden" and "[" in str(error["loc"][-1]):
        parts.append(error["loc"][-1])  # of the user
    key = ".".join(parts)
    value = _QUOTED.repr(error.get("input"))
    if error["type"] == "missing":
        return InputError(f"{path}: {key} is missing; `git diff {path}` shows what changed")
    if error["type"] == "extra_forbidden":
        advice = (
            f"did you mean {meant}?" if meant else "the known ones are in fashion_mnist/params/"
        )
        return InputError(f"{path}: {key} is not a known key; {advice}")
    if error["type"] == "invalid_key":
        return InputError(f"{path}: the key {value} is no text; put it in quotes")
    if error["type"] == "value_error":
        return InputError(f"{path}: {key + ': ' if key else ''}{error['ctx']['error']}")
    if error["type"].endswith("too_short"):
        least = error["ctx"]["min_length"]
        items = "one item" if least == 1 else f"{least} items"
        return InputError(f"{path}: {key} = {value}: expected at least {items}")
    rule = error["msg"].removeprefix("Input should be ")
    if error["type"] in ("model_type", "dict_type"):
        rule = "keys with values"
    if error["type"] == "string_pattern_mismatch":
        rule = f"text that matches {error['ctx']['pattern']}"
    return InputError(f"{path}: {key} = {value}: expected {rule}")
