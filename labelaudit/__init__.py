"""labelaudit: find the wrong labels in an image dataset."""

__version__ = "0.1.0"
