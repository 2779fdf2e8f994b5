"""What an image and a label are: sources, files, splits, pictures as pixels."""
