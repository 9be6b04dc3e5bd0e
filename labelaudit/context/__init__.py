"""Facts about the images of a dataset beside their pixels: groups, sources, annotators, kinds of classes."""
