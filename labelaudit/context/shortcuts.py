"""Shortcuts: what is beside the picture, and tells its class nearly as well as the picture.

Where all dogs come from one scanner, a model learns the scanner: it agrees with the label of whatever came from there,
and wrong labels cannot stand out. A small decision tree is cross-fitted on each family of cues (`context.cues`), on
every folder level and on every column of the table; where one of them gives the class for far more images than the
shares of the classes do, it is named. Families alone, not together: a person has to know which one. Left out: shortcuts
inside the picture.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelaudit.blocks import spread_rows
from labelaudit.context.cues import FAMILIES, LIGHT, OF_ONE, measure_cues
from labelaudit.data.column_names import LABEL_NAMES
from labelaudit.data.facts import list_facts
from labelaudit.data.parts import are_conditions, are_dates
from labelaudit.types import Finding, Floats, Ints, Samples

LEAST_GAIN = 0.6
"""Share of the images that the class shares get wrong and a cue must get right. Measured: at most .38 on ten clean
sets, .73 and 1 where 90 and 100 % of a class have a white frame."""
LEAST_GAIN_OF_LIGHT = 0.85
"""The same for brightness, colour, sharpness and bytes per pixel, which may well belong to the subject."""
LEAST_GAIN_OF_ONE = 0.9
"""Gain of F1 from which a cue of `OF_ONE` tells one class from all others."""
MOST_VALUES = 50
"""Columns and folders of more values name single images."""
SOURCES = frozenset(
    """
    scanner camera device microscope machine vendor manufacturer site center centre hospital clinic lab source batch
    session annotator rater labeler worker operator photographer date day month year country city plate
    """.split()
)
"""Words in the name of a column that says where an image or its label came from, even where each class has its own."""
_ROWS = 1000  # images that are looked at
_DEPTH = 3
_FOLDS = 4
_SPELLED, _RENAMED = 0.5, 0.99  # shares of the images
_FEWEST, _FEWEST_OF_ONE = 30, 20  # images, and images of one class, below which a tree says nothing


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """A cue that tells the class."""

    cue: str
    """The cue that tells the class, such as ``the frame`` or ``column 'scanner'``."""
    accuracy: float
    """Share of held-out images whose given label the cue alone tells."""
    usual: float
    """The same by always saying the most frequent class."""
    of_one: str = ""
    """The class that the cue tells from all others, where it tells one: then ``accuracy`` is the share of all images
    that are of this class and told, and ``usual`` is 0."""

    @property
    def gain(self) -> float:
        """Share of the images beyond the usual ones, in [0, 1], whose label the cue tells."""
        return (self.accuracy - self.usual) / max(1 - self.usual, 1e-9)

    def finding(self) -> Finding:
        """As a finding about the dataset as a whole."""
        return Finding(kind="shortcut", path=".", detail=self._say())

    def note(self) -> str:
        """A sentence about it."""
        told = self._say()
        usual = "" if self.of_one else f" (the most frequent class: {self.usual:.0%})"
        return (
            f"{told[0].upper()}{told[1:]}{usual}: a model may have learned that in place of the subject, and then what "
            "it says about labels is worth nothing."
        )

    def _say(self) -> str:
        if self.of_one:
            return f"{self.cue} alone tells class '{self.of_one}' from all others"
        return f"{self.cue} alone tells the given class of {self.accuracy:.0%} of the images"


def find_shortcuts(samples: Samples, *, workers: int = 2) -> tuple[Shortcut, ...]:
    """The shortcuts of ``samples``, best first; looks at up to 1,000 evenly spread images."""
    rows = spread_rows(len(samples), _ROWS)
    labels, groups = samples.labels[rows], [samples.groups[row] for row in rows.tolist()]
    if len(rows) < _FEWEST or len(np.unique(labels)) < 2:
        return ()
    if len(set(groups)) < _FOLDS or np.bincount(labels).max() < _FOLDS:
        return ()
    cues = {} if samples.images is None else measure_cues(samples.images, rows, workers=workers)
    tables = {family: np.stack([cues[name] for name in names], axis=1) for family, names in FAMILIES.items() if cues}
    tables |= _tables(samples, rows)
    if not tables:
        return ()
    fold_of = _cut(labels, groups)
    strong = []
    for name, table in tables.items():
        kept = table[:, ~np.isnan(table).all(axis=0)]
        if all(len(np.unique(column[~np.isnan(column)])) < 2 for column in kept.T):
            continue
        told = _tell(kept, labels, fold_of)
        found = _judge(name, told, labels)
        if found.gain >= (LEAST_GAIN_OF_LIGHT if name in LIGHT else LEAST_GAIN):
            strong.append(found)
        elif name in OF_ONE:
            if OF_ONE[name] != FAMILIES[name]:
                told = _tell(np.stack([cues[one] for one in OF_ONE[name]], axis=1), labels, fold_of)
            strong += _judge_one(name, told, labels, samples.classes)
    return tuple(sorted(strong, key=lambda one: -one.gain))


def _tables(samples: Samples, rows: Ints) -> dict[str, Floats]:
    """Name of a column or a folder level -> (m, f) numbers, one column for each of its values."""
    tables: dict[str, Floats] = {}
    for name, values in list_facts(samples).items():
        some = [values[row] for row in rows.tolist()]
        if 2 <= len(set(some)) <= MOST_VALUES and not _spells_class(samples, name, values):
            code = np.unique(some, return_inverse=True)[1]
            tables[name] = np.eye(code.max() + 1)[code]
    return tables


def _spells_class(samples: Samples, name: str, values: Sequence[str]) -> bool:
    """Whether a column is another spelling of the class, by its name or by its values."""
    own = name.removeprefix("column ").strip("'").lower().replace(" ", "_")
    if any(word in own for word in (*LABEL_NAMES[:8], "truth", "category", "class", "label")):
        return True
    if SOURCES & {*re.split(r"[^a-z]+", own)} or are_conditions({*values}) or are_dates({*values}):
        return False
    classes = [name.casefold() for name in samples.written()]
    spelled = [label in value.casefold() for label, value in zip(classes, values, strict=True)]
    return float(np.mean(spelled)) > _SPELLED or _is_renaming(samples, values)


def _is_renaming(samples: Samples, values: Sequence[str]) -> bool:
    """Whether each of three or more classes has one value, its own or a coarser class's: ``genus`` of a species."""
    code = np.unique(np.asarray(values), return_inverse=True)[1]
    table = np.zeros((code.max() + 1, len(samples.classes)))
    np.add.at(table, (code, samples.labels), 1)
    classes = int((table.sum(axis=0) > 0).sum())
    return len(table) <= classes > 2 and table.max(axis=0).sum() >= _RENAMED * len(samples)


def _cut(labels: Ints, groups: Sequence[str]) -> Ints:
    """(m,) fold of each sample; groups stay together."""
    from sklearn.model_selection import StratifiedGroupKFold

    fold_of = np.zeros(len(labels), dtype=np.int64)
    cutter = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of classes with fewer members than folds
        for fold, (_, held) in enumerate(cutter.split(labels, labels, groups)):
            fold_of[held] = fold
    return fold_of


def _judge(cue: str, told: Ints, labels: Ints) -> Shortcut:
    """Score the classes ``told`` (m,) by the tree of a ``cue`` on held-out ``labels``."""
    right = told == labels
    return Shortcut(cue=cue, accuracy=float(right.mean()), usual=float(np.bincount(labels).max() / len(labels)))


def _judge_one(cue: str, told: Ints, labels: Ints, classes: Sequence[str]) -> list[Shortcut]:
    """The shortcut of the one of ``classes`` that is ``told`` (m,) best from all others, if it is."""
    sizes = np.bincount(labels, minlength=len(classes))
    hits, share = np.bincount(labels[told == labels], minlength=len(sizes)), sizes / len(labels)
    score = 2 * hits / np.maximum(sizes + np.bincount(told, minlength=len(sizes)), 1)  # F1 of each class
    gain = np.where(sizes >= _FEWEST_OF_ONE, (score - share) / np.maximum(1 - share, 1e-9), 0)
    best = int(gain.argmax())
    if gain[best] < LEAST_GAIN_OF_ONE:
        return []
    return [Shortcut(cue=cue, accuracy=float(hits[best] / len(labels)), usual=0.0, of_one=classes[best])]


def _tell(table: Floats, labels: Ints, fold_of: Ints) -> Ints:
    """(m,) class that a tree on ``table`` (m, f) tells of each held-out sample."""
    from sklearn.tree import DecisionTreeClassifier

    x: npt.NDArray[np.float64] = np.nan_to_num(table, nan=-1.0)
    told = np.empty_like(labels)
    depth = max(_DEPTH, math.ceil(math.log2(len(np.unique(labels)))) + 2)  # enough for all classes, and two to spare
    for fold in range(int(fold_of.max()) + 1):
        held = fold_of == fold
        tree = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=5, random_state=0)
        told[held] = tree.fit(x[~held], labels[~held]).predict(x[held])
    return told
