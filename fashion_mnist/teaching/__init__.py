"""Heads that learn from the features of a frozen network, and what they are worth."""
