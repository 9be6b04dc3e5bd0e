"""Names of columns as people write them: what a table says by the name of a column alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

PATH_NAMES: tuple[str, ...] = tuple(
    """
    file_name filename file_path filepath path file image_path image_file image_name imagename image images img_path img
    image_id imageid id id_code name uri url fname
    """.split()
)
"""Column names that are taken for the image's path, best first; lower case."""
LABEL_NAMES: tuple[str, ...] = tuple(
    """
    label given_label given class class_name classname label_name target target_name category category_name labels y
    fine_label species diagnosis dx annotation tag class_label image_label breed variety classes choice class_id
    label_id category_id classid emotion
    """.split()
)
"""Column names that may hold the label, best first; lower case."""
COORDINATE_NAMES = frozenset(
    """
    x y w h z xmin ymin xmax ymax x_min y_min x_max y_max x1 y1 x2 y2 cx cy xc yc x_center y_center left top right
    bottom width height bbox box bbox_x bbox_y bbox_w bbox_h bbox_width bbox_height area lat lon latitude
    longitude image_width image_height
    """.split()
)
"""Names of columns that hold the place or the size of something."""
SPLIT_NAMES = frozenset(
    "split set subset fold usage partition phase is_train is_test is_valid train_test data_set".split()
)
"""Names of columns that say which split an image belongs to."""
NOTE_NAMES = frozenset(
    """
    hash md5 sha1 sha256 phash size bytes filesize file_size date time datetime timestamp created updated url uri link
    license source author photographer caption text description prompt comment comments note notes age sex male female
    index idx row number count version confidence score weight quality width height depth channels format mode camera
    device scanner site center centre hospital patient annotator rater worker user reviewer verified checked reviewed
    status state country city mask masks price weather season daytime lighting background location place region zone
    view angle pose orientation side position exposure iso lens brand software owner client session visit week day month
    year hour language cluster train test
    """.split()
)
"""Names of columns that say something else about an image than its class."""
SHAPE_NAMES = frozenset(["encodedpixels", "encoded_pixels", "rle", "segmentation", "polygon", "polygons"])
"""Names of columns that hold outlines of objects."""
_GUESSES = frozenset("pred preds predicted prediction guess guessed suggested proposed estimated".split())
HOLDS_NAMES = frozenset("confidence correct is_correct label_correct valid is_valid label_is_correct".split())
"""Names of columns that may say, with 0 and 1, whether the label holds."""
_TERMS = ("scientific_name", "diagnostic", "answer_name", "answer_value", "answer_title")
"""Ends of the names of columns of labels that come after those called a label; Labelbox has the last ones."""
MANIFOLD_NAMES = frozenset(["tags", "attributes", "keywords", "findings"])
"""Column names that promise several labels for an image."""


def plain_name(column: str) -> str:
    """A column's name in lower case with ``_`` between words.

    >>> plain_name("Image Name"), plain_name("patientId"), plain_name("ClassID")
    ('image_name', 'patient_id', 'class_id')
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column.strip())
    return re.sub(r"[\s\-.]+", "_", words).lower()


def guess_column(columns: Iterable[str], names: Sequence[str]) -> str | None:
    """The column whose plain name comes first in ``names``."""
    known = {plain_name(column): column for column in columns}
    return next((known[name] for name in names if name in known), None)


def is_nameless(column: str) -> bool:
    """Whether a column is called by its number, since the file gives it no name.

    >>> is_nameless("column 2"), is_nameless("unnamed 1"), is_nameless("column")
    (True, True, False)
    """
    return re.fullmatch(r"(column|unnamed) \d+", column) is not None


def is_label_name(column: str) -> bool:
    """Whether a column is called a label, or some kind of one that is no model's guess: ``category_label``."""
    key = plain_name(column)
    kind = key.rpartition("_")[2] in ("label", "class", "category", "species", "breed")
    return key in LABEL_NAMES or key.endswith(_TERMS) or (kind and _GUESSES.isdisjoint(key.split("_")))
