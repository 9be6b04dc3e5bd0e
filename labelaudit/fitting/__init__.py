"""Training a model that is to be used, on labels that may be wrong: the run, its checkpoints, its curves."""

from labelaudit.fitting.folder import is_under_way, load
from labelaudit.fitting.making import Made, make
from labelaudit.fitting.model import Model
from labelaudit.fitting.run import Labelled, Trained, train

__all__ = ["Labelled", "Made", "Model", "Trained", "is_under_way", "load", "make", "train"]
