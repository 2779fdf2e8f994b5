"""A section of params.yaml: read, checked and typed."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from fashion_mnist.errors import InputError

PATH = Path("params.yaml")

Count = Annotated[int, Field(ge=1, le=1_000_000)]
# Of a layer: 10,000 units behind 10,000 others have 400 MB of weights.
Units = Annotated[int, Field(ge=1, le=10_000)]
ImageCount = Annotated[int, Field(ge=10, multiple_of=10, le=1_000_000)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
SectionT = TypeVar("SectionT", bound="Section")
ModelT = TypeVar("ModelT", bound=BaseModel)


class Section(BaseModel):
    """The base of every section's class."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
    section: ClassVar[str]

    @classmethod
    def load(cls: type[SectionT]) -> SectionT:
        """Return this section of params.yaml.

        Raises:
            InputError: the file is missing or is not YAML, or the section breaks a rule.
        """
        content = read()
        if cls.section not in content:
            raise _complaint({"type": "missing", "loc": (cls.section,)})
        return check(cls, content[cls.section], cls.section)


def read() -> dict[str, Any]:
    """Return the content of params.yaml, unchecked.

    DVC reads the file with the same parser, so a value such as 1e-3 means the same to both.

    Raises:
        InputError: the file is missing, is not YAML, or has no sections.
    """
    try:
        content = YAML(typ="safe", pure=True).load(PATH)
    except FileNotFoundError:
        raise InputError(
            f"{PATH}: not found; run from the repository's root, or get the file back with "
            f"`git checkout {PATH}`"
        ) from None
    except (YAMLError, ValueError) as error:
        raise InputError(f"{PATH}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InputError(
            f"{PATH}: {type(content).__name__} found, expected sections such as `train:`; "
            f"`git checkout {PATH}` brings them back"
        )
    return content


def check(kind: type[ModelT], content: Any, *keys: str) -> ModelT:
    """Return `content`, which stands under `keys` in params.yaml, as a `kind`.

    Raises:
        InputError: `content` breaks a rule; the text names the key, the value and the rule.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        # An unknown key explains the missing one that it was meant to be.
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        raise _complaint({**first, "loc": (*keys, *first["loc"])}) from None


def _complaint(error: dict[str, Any]) -> InputError:
    # Where a value may have one of several types, pydantic adds the type's name to the key.
    key = ".".join(str(part) for part in error["loc"] if "[" not in str(part))
    if error["type"] == "missing":
        return InputError(f"{PATH}: {key} is missing; `git diff {PATH}` shows what changed")
    if error["type"] == "extra_forbidden":
        return InputError(
            f"{PATH}: {key} is not a known key; the known ones are in fashion_mnist/params/"
        )
    if error["type"] == "value_error":
        return InputError(f"{PATH}: {key}: {error['ctx']['error']}")
    if error["type"].endswith("too_short"):
        return InputError(f"{PATH}: {key} = {error['input']!r}: expected at least one item")
    rule = error["msg"].removeprefix("Input should be ").removeprefix("a ")
    return InputError(f"{PATH}: {key} = {error['input']!r}: expected {rule}")
