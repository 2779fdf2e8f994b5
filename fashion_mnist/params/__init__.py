"""What params.yaml may say: one file for each section, named like it."""
