"""How fast and how sound the project itself is."""

import fashion_mnist  # noqa: F401 - explains missing packages before they are imported
