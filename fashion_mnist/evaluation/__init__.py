"""Numbers and plots from probabilities."""
