"""Training a model that is to be used, on labels that may be wrong: the run, its checkpoints, its curves."""

from labelaudit.models.folder import is_under_way, load
from labelaudit.models.model import Model
from labelaudit.models.run import Labelled, Trained
from labelaudit.models.train import Made, make

__all__ = ["Labelled", "Made", "Model", "Trained", "is_under_way", "load", "make"]
