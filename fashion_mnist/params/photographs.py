"""photographs/params.yaml: the settings of the pipeline of photographs."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fashion_mnist.dataset.spec import Text
from fashion_mnist.params import section
from fashion_mnist.params.dataset import SHA256
from fashion_mnist.params.head import Train

PATH = Path("photographs/params.yaml")
PACKAGED = "efficientnet_lite0"

KerasName = Literal["MobileNetV2", "EfficientNetV2B0", "ResNet50V2"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Version(_Part):
    """The content that a source may have: a whole Git tree, or pictures of one SHA-256."""

    git_tree: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None
    sha256: SHA256 | None = None

    @model_validator(mode="after")
    def _check_kind(self) -> "Version":
        if (self.git_tree is None) == (self.sha256 is None):
            raise ValueError("expected either git_tree or sha256")
        return self


class Download(_Part):
    sources: Annotated[list[Text], Field(min_length=1)]
    versions: Annotated[dict[str, Version], Field(min_length=1)]
    timeout: Annotated[float, Field(gt=0)]
    retries: Annotated[int, Field(ge=0, le=10)]


class Weights(_Part):
    """The file of a network's weights, from the first source, a URL or a folder, that has it."""

    file: Text
    sources: Annotated[list[Text], Field(min_length=1)]
    sha256: SHA256


class Backbone(_Part):
    """The frozen network.

    Attributes:
        name: efficientnet_lite0, whose weights come from a package, or one of keras.applications.
        side: of the photographs that it reads, in pixels.
        weights: those of a network of keras.applications, without its classes.
    """

    name: Literal["efficientnet_lite0"] | KerasName
    side: Annotated[int, Field(ge=64, le=512)]
    weights: Weights | None = None

    @model_validator(mode="after")
    def _check_weights(self) -> "Backbone":
        if (self.weights is None) != (self.name == PACKAGED):
            expected = "no weights" if self.name == PACKAGED else "weights"
            raise ValueError(f"name = {self.name!r}: expected {expected}")
        return self


class Classes(_Part):
    """The class that each folder of photographs is of; `other` is that of all other folders."""

    item: Text
    folders: Annotated[dict[str, Text], Field(min_length=2)]
    other: Text


class Photographs(_Part):
    download: Download
    classes: Classes
    backbone: Backbone
    train: Train

    @classmethod
    def load(cls) -> "Photographs":
        """Return the settings.

        Raises:
            InputError: the file is missing or breaks a rule.
        """
        return section.check(cls, section.read(PATH), path=PATH)
