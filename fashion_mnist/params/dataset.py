"""The section `dataset`, and the file of datasets/ that it names."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fashion_mnist.dataset.spec import Spec, Text
from fashion_mnist.errors import InputError
from fashion_mnist.params import section
from fashion_mnist.params.section import PATH, Count, Section, Seed

FOLDER = Path("datasets")

SHA256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Source = Annotated[str, Field(pattern=r"^[^\x00-\x1f]+$")]


class DatasetName(Section):
    section = "dataset"

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]


class IDX(BaseModel):
    """Four gzipped IDX files; `sha256` is of each file or of its decompressed content."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    train_images: Count
    test_images: Count
    sha256: Annotated[dict[str, SHA256], Field(min_length=4, max_length=4)]


class Pictures(BaseModel):
    """A folder of pictures, one folder for each class; `sha256` is of all of them.

    `groups` is a CSV file in the folder, with the columns file and group. Pictures of a group, such
    as those of one garment, stay on one side of every split.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    count: Count
    sha256: SHA256
    test_size: Annotated[float, Field(gt=0, le=0.5)]
    seed: Seed
    groups: Text | None = None


class Dataset(Spec):
    """A file of datasets/: what the images are, and where they come from."""

    sources: Annotated[list[Source], Field(min_length=1)]
    idx: IDX | None = None
    pictures: Pictures | None = None

    @classmethod
    def load(cls) -> "Dataset":
        """Return the dataset that params.yaml names.

        Raises:
            InputError: the section or the file is missing or breaks a rule.
        """
        name = DatasetName.load().name
        path = FOLDER / f"{name}.yaml"
        if not path.exists():
            known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.yaml")))
            expected = f"expected one of {known}" if known else f"there is none in {FOLDER}"
            raise InputError(
                f"{PATH}: dataset.name = {name!r}: {path} not found, {expected}; "
                "`python -m fashion_mnist.describe FOLDER` writes one"
            )
        return section.check(cls, section.read(path), path=path)

    @property
    def spec(self) -> Spec:
        """What the images are."""
        return Spec(**{name: getattr(self, name) for name in Spec.model_fields})

    @model_validator(mode="after")
    def _check_kind(self) -> "Dataset":
        if (self.idx is None) == (self.pictures is None):
            raise ValueError("expected either idx or pictures")
        if self.idx and self.channels > 1:
            raise ValueError(f"channels = {self.channels}: IDX files are grey, expected 1")
        return self
