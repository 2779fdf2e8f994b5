"""The pipeline's stages: one script each."""

import fashion_mnist  # noqa: F401 - explains missing packages before a stage imports them
