"""Pixels in a CSV: one image a row, ``label,pixel0,…`` as for digits or ``emotion,pixels`` as in fer2013.

Images are squares of grey values from 0 to 255, or of three colours where the number of columns says so.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from labelaudit.data.assembly import splits_of
from labelaudit.data.column_names import LABEL_NAMES, guess_column, plain_name
from labelaudit.data.columns import require_column
from labelaudit.data.listing import Listing
from labelaudit.data.reader import Reading, Subject
from labelaudit.data.readers.arrays import Array, Stack
from labelaudit.errors import DataError

_PIXEL = re.compile(r"(pixel|px|p)?[ _]?\d+(x\d+)?", re.IGNORECASE)
_FEWEST = 49  # pixels


def recognise(subject: Subject) -> list[Reading]:
    """A CSV whose columns are pixels, or that has a column ``pixels``."""
    path = subject.path
    if path is None or subject.is_folder or path.suffix.lower() not in (".csv", ".tsv") or subject.source.labels:
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
    if not head:
        return []
    bare = all(cell.strip().isdecimal() for cell in head) and _side(len(head) - 1) is not None
    columns = [f"column {number + 1}" for number in range(len(head))] if bare else [name.strip() for name in head]
    packed = guess_column(columns, ("pixels",))
    pixels = (
        columns[1:]
        if bare
        else [name for name in columns if _PIXEL.fullmatch(name) and plain_name(name) not in LABEL_NAMES]
    )
    if packed is None and len(pixels) < _FEWEST:
        return []
    read = partial(list_pixels, path, columns, [packed] if packed else pixels, subject.source.label_column, bare)
    return [Reading(what="a table of pixels", read=read)]


def list_pixels(
    path: Path, columns: Sequence[str], pixels: Sequence[str], label_column: str | None, bare: bool
) -> Listing:
    """The rows of a table of pixels as images; one column of ``pixels`` holds all of them.

    ``bare`` tables have no header and the label first. Raises `DataError` where the pixels of a row are not a square,
    or no column looks like labels.
    """
    rest = [name for name in columns if name not in pixels]
    if label_column is not None:
        label = require_column(label_column, columns, option="`label_column`", where=f"'{path}'")
    else:
        guess = guess_column(rest, LABEL_NAMES) or (rest[0] if bare or len(rest) == 1 else None)
        if guess is None:
            raise DataError(f"'{path}' has no column of labels beside its {len(pixels):,} pixels: name `label_column`")
        label = guess
    at = {name: number for number, name in enumerate(columns)}
    labels, images = [], []
    extra: dict[str, list[str]] = {name: [] for name in rest if name != label}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.reader(file)):
            if not row or (number == 0 and not bare):
                continue
            values = [row[at[name]] for name in pixels if at[name] < len(row)]
            values = values[0].split() if len(pixels) == 1 else values
            images.append(_image(values, f"'{path}' line {number + 1}"))
            labels.append(row[at[label]].strip() or None)
            for name, column in extra.items():
                column.append(row[at[name]].strip() if at[name] < len(row) else "")
    if not images or len({image.shape for image in images}) > 1:
        raise DataError(f"'{path}' has rows of different numbers of pixels" if images else f"'{path}' has no rows")
    ids = tuple(f"{path.name}#{row}" for row in range(len(images)))
    further = {name: tuple(column) for name, column in extra.items()}
    return Listing(
        root=str(path),
        ids=ids,
        labels=tuple(labels),
        images=Stack(np.stack(images)),
        splits=splits_of(ids, further),
        extra=further,
        origin="the first column" if bare else f"column '{label}' of {path.name}",
    )


def _image(values: Sequence[str], where: str) -> Array:
    try:
        pixels = np.array(values, dtype=np.float64)
    except ValueError:
        raise DataError(f"{where} holds a pixel that is not a number") from None
    shape = _side(len(pixels))
    if shape is None:
        raise DataError(f"{where} has {len(pixels):,} pixels, which are not a square image")
    if not (pixels.min() >= 0 and pixels.max() <= 255 and (pixels == np.rint(pixels)).all()):
        raise DataError(f"{where} has pixels from {pixels.min():g} to {pixels.max():g}: they must be whole, 0 to 255")
    return pixels.astype(np.uint8).reshape(shape)


def _side(count: int) -> tuple[int, ...] | None:
    """The shape of an image of ``count`` values: a grey square, or a square in three colours."""
    for channels in (1, 3):
        side = math.isqrt(count // channels)
        if side > 1 and side * side * channels == count:
            return (side, side) if channels == 1 else (side, side, 3)
    return None
