"""What a change did to the models, from what is in Git."""
