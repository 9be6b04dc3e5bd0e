"""Judges labels: scores, probes, the noise model, open-set images, the decision, and the judge kept for new images."""
