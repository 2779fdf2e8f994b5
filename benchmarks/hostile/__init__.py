"""Inputs that cost a service much and their sender little, made by code; what each one costs."""

import fashion_mnist  # noqa: F401 - explains missing packages before they are imported
