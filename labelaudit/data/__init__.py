"""A dataset as a person keeps it: sources, rows, image files, pixels, features and probabilities that were brought."""
