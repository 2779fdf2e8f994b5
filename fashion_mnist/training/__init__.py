"""Networks and how they learn: the only folder that imports Keras."""
