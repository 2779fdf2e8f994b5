"""Models and how they learn: the only folder of the library that imports Keras."""
