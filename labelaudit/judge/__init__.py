"""Judges labels: scores, probes, the noise model, open-set images, the decision, and the judge kept for new images."""

FILE = "judge.npz"
"""Name of a kept judge in a RUN folder."""
