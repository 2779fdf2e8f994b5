"""What the images of a dataset are; the splits and the exported models carry it with them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Text = Annotated[str, Field(min_length=1)]


class Spec(BaseModel):
    """The description of the images.

    Attributes:
        title: the name of the dataset.
        item: what an image shows, in the singular.
        classes: the names of the classes; the labels, uint8, are positions among them.
        side: of the square images, in pixels.
        channels: 1 for grey, 3 for colour.
        mirror_keeps_class: whether a mirrored image belongs to the same class.
        cut_out: whether a picture's background becomes 0 and its item bright, or whether a picture
            is an image as it is, only smaller.
        margin: the pixels around what was cut out.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    title: Text
    item: Text
    classes: Annotated[list[Text], Field(min_length=2, max_length=256)]
    side: Annotated[int, Field(ge=8, le=256)]
    channels: Literal[1, 3]
    mirror_keeps_class: bool
    cut_out: bool
    margin: Annotated[int, Field(ge=0)] = 0

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape of an image: (side, side, channels)."""
        return self.side, self.side, self.channels

    @property
    def pixels_shape(self) -> tuple[int, ...]:
        """The shape of an image's pixels: (side, side), and with colour (side, side, 3)."""
        return self.image_shape if self.channels > 1 else self.image_shape[:2]

    @model_validator(mode="after")
    def _check_classes(self) -> "Spec":
        if doubled := sorted({name for name in self.classes if self.classes.count(name) > 1}):
            raise ValueError(f"classes: {doubled[0]!r} found twice; expected different names")
        return self

    @model_validator(mode="after")
    def _check_cut_out(self) -> "Spec":
        if self.cut_out and self.channels > 1:
            raise ValueError("cut_out = True: expected channels = 1, or cut_out = False")
        if self.margin and not self.cut_out:
            raise ValueError(f"margin = {self.margin}: expected 0 without cut_out")
        if 2 * self.margin >= self.side:
            raise ValueError(f"margin = {self.margin}: expected less than half of the side")
        return self
