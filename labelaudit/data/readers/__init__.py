"""Readers of datasets: one file is one kind of dataset, or one kind of document of labels."""
