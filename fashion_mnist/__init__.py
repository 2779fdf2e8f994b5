"""Fashion-MNIST: what the pipeline's stages share, one room for each thing to know."""
