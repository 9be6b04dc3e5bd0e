"""Training a model that is to be used, on labels that may be wrong: the run, its checkpoints, its curves."""

from labelaudit.models.folder import is_under_way, load
from labelaudit.models.run import FittedModel
from labelaudit.models.train import TrainedFolder, sort_options, train_dataset

__all__ = ["FittedModel", "TrainedFolder", "is_under_way", "load", "sort_options", "train_dataset"]
