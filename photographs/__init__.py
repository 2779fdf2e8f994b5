"""Photographs of garments: a head on a frozen ImageNet network; a DVC pipeline of its own."""

import fashion_mnist  # noqa: F401 - explains missing packages before they are imported
