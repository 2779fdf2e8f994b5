"""What params.yaml may say: every key, its type, its range."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from fashion_mnist.errors import InputError

PATH = Path("params.yaml")

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Padding = Literal["same", "valid"]
Rate = Annotated[float, Field(ge=0, lt=1)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Download(Section):
    sources: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    timeout: Annotated[float, Field(gt=0, le=3600)]
    retries: Annotated[int, Field(ge=0, le=10)]


class Normalize(Section):
    train_size: Annotated[int, Field(ge=10, multiple_of=10, le=1_000_000)] | None
    validation_size: Annotated[int, Field(ge=10, multiple_of=10, le=1_000_000)]
    seed: Seed
    sample_rows: Annotated[int, Field(ge=1, le=20)]


class Train(Section):
    epochs: Count
    batch_size: Count
    seed: Seed
    precision: Literal["auto", "float32", "mixed_bfloat16"]


class Recipe(Section):
    """How a network is trained; the part that the MLP's and the CNN's section share."""

    learning_rate: Annotated[float, Field(gt=0)]
    schedule: Literal["constant", "cosine", "linear"]
    weight_decay: Annotated[float, Field(ge=0)]
    label_smoothing: Rate
    flip: bool


class MLP(Recipe):
    # Muon is for the kernels of convolutions.
    optimizer: Literal["adamw"]
    hidden_units: list[Count]
    dropout_rate: Rate


class CNN(Recipe):
    optimizer: Literal["adamw", "muon"]
    filters: Annotated[list[Count], Field(min_length=1)]
    kernel_size: Annotated[int, Field(ge=1, le=28)]
    padding: Padding | list[Padding]
    pool_after: list[Count]
    batch_normalization: bool
    conv_dropout_rate: Rate
    head: Literal["flatten", "global_average_pooling"]
    dense_units: list[Count]
    dropout_rate: Rate

    @property
    def paddings(self) -> list[Padding]:
        """The padding of each convolution."""
        one_for_all = isinstance(self.padding, str)
        return [self.padding] * len(self.filters) if one_for_all else self.padding

    @model_validator(mode="after")
    def _check_sizes(self) -> "CNN":
        if sorted(set(self.pool_after)) != self.pool_after or max(self.pool_after, default=1) > len(
            self.filters
        ):
            raise ValueError(
                f"pool_after = {self.pool_after}: expected ascending positions in filters, "
                f"1 to {len(self.filters)}"
            )
        if len(self.paddings) != len(self.filters):
            raise ValueError(
                f"padding = {self.padding}: expected one word, or one for each of the "
                f"{len(self.filters)} filters"
            )
        if self.conv_dropout_rate and not self.pool_after:
            raise ValueError(
                f"conv_dropout_rate = {self.conv_dropout_rate}: it comes before pooling, but "
                "pool_after is empty; expected 0.0"
            )
        side = 28
        for position, padding in enumerate(self.paddings, start=1):
            side -= self.kernel_size - 1 if padding == "valid" else 0
            if position in self.pool_after:
                side //= 2
            if side < 1:
                raise ValueError(
                    f"nothing is left of the image after convolution {position} of "
                    f"{len(self.filters)}: expected fewer of pool_after or filters, a smaller "
                    'kernel_size, or padding "same"'
                )
        return self


class Evaluate(Section):
    predictions: Annotated[int, Field(ge=1, le=100)]
    mistakes: Annotated[int, Field(ge=1, le=100)]


class FeatureMaps(Section):
    maps: Annotated[int, Field(ge=1, le=64)]


class Export(Section):
    sure_from: Annotated[float, Field(ge=0, le=1)]
    quantization_images: Count


class SimilarItems(Section):
    queries: Count
    shown: Annotated[int, Field(ge=1, le=20)]


class Params(Section):
    download: Download
    normalize: Normalize
    train: Train
    mlp: MLP
    cnn: CNN
    evaluate: Evaluate
    feature_maps: FeatureMaps
    export: Export
    similar_items: SimilarItems


def load(*sections: str) -> Params:
    """Check the whole of params.yaml and return only the named sections of it.

    The sections are those that the stage lists under `params` in dvc.yaml: what DVC does not
    watch, a stage does not get. The file is read with the parser that DVC uses, so that a value
    such as 1e-3 means the same to both.

    Raises:
        InputError: the file is missing, is not YAML, or breaks a rule of this module.
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
            f"{PATH}: {type(content).__name__} found, expected the sections "
            f"{', '.join(Params.model_fields)}; `git checkout {PATH}` brings them back"
        )
    try:
        checked = Params.model_validate(content)
    except ValidationError as error:
        raise InputError(_describe(error.errors()[0])) from None
    return checked.model_construct(**{name: getattr(checked, name) for name in sections})


def _describe(error: dict) -> str:
    # Where a value may be of several types, pydantic puts the type's name behind the key.
    key = ".".join(str(part) for part in error["loc"] if "[" not in str(part))
    if error["type"] == "missing":
        return f"{PATH}: {key} is missing; `git diff {PATH}` shows what changed"
    if error["type"] == "extra_forbidden":
        return f"{PATH}: {key} is not a known key; the known ones are in fashion_mnist/params.py"
    if error["type"] == "value_error":
        return f"{PATH}: {key}: {error['ctx']['error']}"
    if error["type"].endswith("too_short"):
        return f"{PATH}: {key} = {error['input']!r}: expected at least one item"
    rule = error["msg"].removeprefix("Input should be ").removeprefix("a ")
    return f"{PATH}: {key} = {error['input']!r}: expected {rule}"
