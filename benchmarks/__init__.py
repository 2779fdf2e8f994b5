"""What is measured about the project itself, beside the pipeline."""
