"""Values as cells of text, and kinds of cells of a column: marks of 0 and 1, whole numbers, measurements."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

from labelaudit.errors import DataError

_SHARE = re.compile(r"\d*\.?\d+(e-?\d+)?", re.IGNORECASE)
_CORNER = re.compile(r"\d{1,9}")
_MARKS: tuple[set[str], ...] = ({"0", "1", "0.0", "1.0"}, {"true", "false"}, {"yes", "no"}, {"y", "n"}, {"x"}, {"✓"})
_ROUNDED = 0.01
"""Part of a sum that shares may lose where they are rounded."""


def without_zeros(cells: Sequence[str]) -> list[str]:
    """Cells of a column as labels: without spaces around, and whole numbers without the ``.0`` that programs write
    where a cell of the column is empty. A column with other text, or a fraction, stays as it is.

    >>> without_zeros(["1.0", "2.0", ""]), without_zeros(["1.0", "1.5"])
    (['1', '2', ''], ['1.0', '1.5'])
    """
    plain_of = {cell: cell.strip() for cell in {*cells}}
    if all(map(is_number, plain_of.values())):
        plain_of = {cell: value.partition(".")[0] for cell, value in plain_of.items()}
    return [plain_of[cell] for cell in cells]


def are_marks(values: Sequence[str]) -> bool:
    """Whether a column holds nothing but 0 and 1, truth values, or crosses, and may thus stand for one class."""
    held = {value.lower() for value in values} - {""}
    return any(held and held <= marks for marks in _MARKS)


def are_signed(values: Sequence[str]) -> bool:
    """Whether a column holds 1, -1 and nothing, as tables of findings mark what is seen, unsure and not seen."""
    held = {*values}
    return held <= {"1", "-1", "1.0", "-1.0", "0", "0.0", ""} and bool(held & {"-1", "-1.0"})


def is_one(value: str) -> bool:
    return value.strip().lower() in ("1", "1.0", "true", "yes", "y", "x", "✓")


def is_number(value: str) -> bool:
    return bool(re.fullmatch(r"-?\d+(\.0*)?|", value.strip()))


def is_measured(value: str) -> bool:
    """Whether a cell is a number with a fraction."""
    return bool(re.fullmatch(r"-?\d*\.\d*[1-9]\d*(e-?\d+)?", value, re.IGNORECASE))


def find_shares(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """The columns of numbers if they have one sum in every row, as shares of classes or numbers of votes do; but for
    columns with one number in all rows, which would hide the others in a sum.

    >>> find_shares({"cat": ["0.9", "0.2"], "dog": ["0.1", "0.8"]}), find_shares({"x": ["3", "4"], "y": ["3", "5"]})
    (['cat', 'dog'], [])
    """
    found = {name: cells for name, cells in columns.items() if all(map(_SHARE.fullmatch, cells))}
    found = {name: cells for name, cells in found.items() if len({*cells}) > 1 or not float(cells[0])}
    sums = [sum(map(float, row)) for row in zip(*found.values(), strict=True)]
    alike = len(found) > 1 and len(sums) > 1 and max(sums) - min(sums) <= _ROUNDED * max(sums) and max(sums) > 0
    return list(found) if alike else []


def find_corners(columns: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Four columns without names, one after the other, that hold the corners of a box in each row."""
    numbers = [
        name
        for name, column in columns.items()
        if re.fullmatch(r"column \d+", name) and all(_CORNER.fullmatch(cell.strip()) for cell in column)
    ]
    for first in range(len(numbers) - 3):
        box = numbers[first : first + 4]
        corners = zip(*(map(int, columns[name]) for name in box), strict=True)
        if all(x < right and y < below for x, y, right, below in corners):
            return box
    return ()


def say_the_same(columns: Sequence[Sequence[str]]) -> bool:
    """Whether several columns draw on the same values, as the labels of several annotators do.

    Most values of each column must occur in another one too, and there must be two values or more.
    """
    held = [{cell.strip() for cell in column} - {""} for column in columns]
    known = Counter(value for values in held for value in values)
    return len(known) > 1 < len(held) and all(
        0 < len(values) <= 2 * sum(known[value] > 1 for value in values) for values in held
    )


def named_label(value: Any, names: Sequence[Any], where: str) -> str | None:
    """A label as text. Integers are looked up in ``names`` if there are any; negative ones and nothing are no label.

    Raises `DataError`, which calls the dataset ``where``, for a number beyond the names.
    """
    number = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    if isinstance(number, int) and not isinstance(number, bool) and names:
        if number >= len(names):
            raise DataError(f"{where} has label {number}, but names {len(names)} classes")
        number = names[number] if number >= 0 else None
    return scalar_text(number) or None


def scalar_text(value: Any) -> str:
    """A value as a cell: nothing for ``None``, NaN, and pandas' NA and NaT; whole floats without ``.0``."""
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    if value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and isnan(value)):
        return ""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()
