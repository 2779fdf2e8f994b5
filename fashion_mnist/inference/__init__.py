"""Exported models at work, without TensorFlow."""
