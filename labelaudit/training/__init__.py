"""The training loop, cross-fitting, its folds and batches, and the evidence it leaves about each sample."""
