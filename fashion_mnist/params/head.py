"""How a head of the model of photographs learns; the heads carry it with them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(gt=0, lt=1)]


class Train(BaseModel):
    """How a head learns.

    Attributes:
        regularization: the inverse of its strength, scikit-learn's C.
        references: the number of pictures that unknown ones are compared with.
        sure_accuracy: the share of right answers among those that are sure.
        unknown_share: the share of the known pictures that may be called unknown.
        folds: of the cross-validation that chooses both thresholds.
        seed: of the folds and of the references.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    regularization: Annotated[float, Field(gt=0)]
    references: Annotated[int, Field(ge=1, le=10_000)]
    sure_accuracy: Share
    unknown_share: Share
    folds: Annotated[int, Field(ge=2, le=100)]
    seed: Annotated[int, Field(ge=0, lt=2**32)]
