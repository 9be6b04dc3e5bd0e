"""The outcome of a check as text: one file per format."""
