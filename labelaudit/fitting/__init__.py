"""Training a model that is to be used, on labels that may be wrong: the run, its checkpoints, its curves."""

from labelaudit.fitting.model import Model
from labelaudit.fitting.run import Labelled, Trained, train

__all__ = ["Labelled", "Model", "Trained", "train"]
