"""The options that say how a dataset is read; every command that reads one has them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from labelaudit.errors import OptionError

from .options import _option

PANEL = "Where the labels are"

Labels = Annotated[
    Path | None,
    _option(
        "--labels", panel=PANEL, metavar="FILE", help="A table of labels: CSV, TSV, JSON or an export (inputs.md)."
    ),
]
PathColumn = Annotated[
    str | None,
    _option("--path-column", panel=PANEL, metavar="NAME", env="PATH_COLUMN", help="The table's column of image paths."),
]
LabelColumn = Annotated[
    str | None,
    _option("--label-column", panel=PANEL, metavar="NAME", env="LABEL_COLUMN", help="The table's column of labels."),
]
LabelFrom = Annotated[
    str | None,
    _option(
        "--label-from",
        panel=PANEL,
        metavar="WHERE",
        help="The folder or name that is the label: parent, top, 'level N' or name:'REGEX'.",
    ),
]
Format = Annotated[
    str | None,
    _option("--format", panel=PANEL, metavar="NAME", help="The one way to read DATA, such as class-folders."),
]
Classes = Annotated[
    str | None,
    _option(
        "--classes", panel=PANEL, metavar="FILE|A,B,C", help="All class names, in the order of the columns of --probs."
    ),
]
Rows = Annotated[
    Path | None,
    _option("--rows", panel=PANEL, metavar="FILE", help="One path a line: the rows of --features and --probs."),
]
IgnoreMetadata = Annotated[
    bool,
    _option("--ignore-metadata", panel=PANEL, metavar="", help="Leave metadata.csv and metadata.jsonl aside."),
]
Bands = Annotated[
    str | None,
    _option(
        "--bands", panel=PANEL, metavar="R,G,B", help="Bands to show of images with more than four, such as 4,3,2."
    ),
]


def parse_reading(classes: str | None, bands: str | None) -> dict[str, Any]:
    """``classes`` and ``bands`` as `Source` takes them; raises `OptionError` for bands that are not three numbers."""
    from labelaudit.data.order import parse_classes

    numbers = None
    if bands is not None:
        numbers = [int(text) for text in bands.split(",") if text.strip().isdecimal()]
        if len(numbers) != 3 or min(numbers) < 1:
            raise OptionError(f"--bands '{bands}' must be three numbers from 1, such as 4,3,2")
    return {"classes": None if classes is None else parse_classes(classes), "bands": numbers}
