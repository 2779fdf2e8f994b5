"""The guided tour, and the command that runs it."""

import fashion_mnist  # noqa: F401 - explains missing packages before they are imported
