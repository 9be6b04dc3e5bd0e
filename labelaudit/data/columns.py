"""The columns of a table that name the image and hold its label, found where that is certain and refused where not.

Coordinates, ids, splits and measurements are never taken for labels. Two columns that divide the images in the same way
(a number and its name) are one choice, and the one with names is taken. One column per class with a single 1 in each
row is a label too. Left out: several labels for one image.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import compress

from labelaudit.data.cells import (
    are_marks,
    are_signed,
    find_corners,
    find_shares,
    is_measured,
    is_number,
    is_one,
    say_the_same,
    without_zeros,
)
from labelaudit.data.column_names import (
    COORDINATE_NAMES,
    LABEL_NAMES,
    MANIFOLD_NAMES,
    NOTE_NAMES,
    PATH_NAMES,
    SHAPE_NAMES,
    SPLIT_NAMES,
    guess_column,
    is_label_name,
    is_nameless,
    plain_name,
)
from labelaudit.data.parts import Part, part_of
from labelaudit.errors import DataError
from labelaudit.text import name_some, spell_path

Cells = Mapping[str, Sequence[str]]
"""Name -> (n,) cells of each column of a table."""

_LISTING = "|;"
"""Signs that stand between the labels of a cell, and hardly ever in the name of a class."""
_FILE = re.compile(r".+\.[A-Za-z][A-Za-z0-9]{1,4}")
_ID = re.compile(r".*(_id|uuid|guid|_key|_no|_nr)|id|key|unnamed[:_]*\d*|")
_NUMBER = re.compile(r"\d{1,18}")
_COUNT = re.compile(r".*_(id|count|number|index)|(num|n|index|id|count)_.*")
"""Names of columns of 0 and 1 that are no classes."""
_SAMPLE = 2000
_FEW, _MANY = 4, 10
"""Rows from which a column of only, or mostly, different values is an id and no label."""
_AGAIN = 3
"""Rows with each fraction, on average, from which a column without a name may hold grades."""


class PathsOnly(DataError):
    """A table that holds paths, or paths and boxes, and nothing else."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns that were asked for or found."""

    path: str | None
    label: str | None
    """``None`` where `one_hot` holds the label."""
    one_hot: tuple[str, ...] = ()
    """One column for each class."""
    annotators: tuple[str, ...] = ()
    """The column that names annotators, or those that each hold one's labels, where images have several."""

    @property
    def has_label(self) -> bool:
        return self.label is not None or bool(self.one_hot)

    def describe(self) -> str:
        """The columns that hold the label, in words."""
        if len(self.annotators) > 1:
            return f"columns {name_some(self.annotators)}"
        return f"column '{self.label}'" if self.label is not None else f"{len(self.one_hot)} columns of 0 and 1"

    def labels(self, cells: Cells) -> list[str]:
        """(n,) label in each row; empty where there is none, or where several classes are 1.

        A record that all columns of 0 and 1 are in is no part of their names.
        """
        if self.label is not None:
            return without_zeros(cells[self.label])
        marks = zip(*(map(is_one, cells[name]) for name in self.one_hot), strict=True)
        parts = [name.rpartition(".") for name in self.one_hot]
        names = [name for _, _, name in parts] if len({above for above, _, _ in parts}) == 1 else self.one_hot
        found = [list(compress(names, row)) for row in marks]
        return [ones[0].strip() if len(ones) == 1 else "" for ones in found]


def choose_columns(
    cells: Cells,
    *,
    where: str,
    path_column: str | None = None,
    label_column: str | None = None,
    is_image: Callable[[str], bool] = lambda _: False,
    without_path: bool = False,
) -> Columns:
    """The columns of a table of ``cells``, called ``where`` in messages.

    ``is_image`` says of a cell whether it names an image. With ``without_path`` no column of paths is looked for.
    Raises `DataError` where no column, or more than one, may hold the label.
    """
    some = {name: column[:_SAMPLE] for name, column in cells.items()}
    if label_column is not None:
        require_column(label_column, some, option="`label_column`", where=where)
    if path_column is not None:
        require_column(path_column, some, option="`path_column`", where=where)
    path = None if without_path else path_column or _path(some, label_column, is_image, where)
    if label_column is not None:
        return Columns(path=path, label=label_column)
    free = {name: some[name] for name in some if name != path and not _is_numbering(name, some, path)}
    chosen = _label(free, path, where)
    if chosen.label is not None:
        refuse_several(chosen.labels(cells), chosen.label, where)
    return chosen


def refuse_several(values: Sequence[str], column: str, where: str) -> None:
    """Raise `DataError` where cells of a column hold several labels: ``scab rust``, ``cat|dog``.

    A cell does where each of its parts is a label by itself in other cells. With ``|`` or ``;`` between the parts it is
    enough that one of them is, that each comes again in another cell, or that no part of any cell does. A taxonomy has
    parts that come again and others (``Aves|Turdus``, ``Aves|Parus``), and each of its cells is one class.
    """
    distinct = {*values}
    for sign in "|;,+&/ ":
        parts = {value: {part.strip() for part in value.split(sign)} - {""} for value in distinct}
        parts = {value: own for value, own in parts.items() if len(own) > 1}
        alone = distinct - {*parts}
        counts = Counter(part for own in parts.values() for part in own)
        again = {part for part, n in counts.items() if n > 1 or part in alone}
        fits = [own <= alone or (sign in _LISTING and (own <= again or own & alone)) for own in parts.values()]
        found = sorted(compress(parts, fits))
        tags = plain_name(column) in MANIFOLD_NAMES or all(map(str.isdecimal, counts))
        are_tags = sign == " " and tags and any(n > 1 for n in counts.values())
        if are_tags or (sign in _LISTING and not again):
            found = sorted(parts)
        if found:
            raise DataError(
                f"{where} has several labels in a cell of '{column}', such as '{min(found, key=len)}': several labels "
                f"for one image are not read; say `label_column` {spell_path(column)} to take each combination "
                "for a class"
            )


def _refuse_lists(free: Cells, where: str) -> None:
    """Raise `DataError` where a column that is called a label holds lists: ``['cat', 'dog']``."""
    for name in filter(is_label_name, free):
        found = [cell for cell in free[name] if cell.startswith("[")]
        if found:
            longest = max(found, key=len)
            raise DataError(
                f"{where} has lists in column '{name}', such as '{longest}': several labels for one image are not "
                f"read; say `label_column` {spell_path(name)} to take each list for a class"
            )


def may_be_label(name: str, cells: Sequence[str]) -> bool:
    """Whether a column may hold labels by itself, by its name and its cells."""
    values = [cell.strip() for cell in cells]
    return not (_is_aside(name, values, boxes=False) or _is_note(name, values) or are_marks(values))


def require_column(asked: str, columns: Collection[str], *, option: str, where: str) -> str:
    """``asked`` if it is a column; otherwise a `DataError` that names those there are."""
    if asked not in columns:
        raise DataError(f"{where} has no column '{asked}' ({option}): it has {name_some(list(columns), 12)}")
    return asked


def find_paths(cells: Cells, is_image: Callable[[str], bool]) -> str | None:
    """The column of paths of a table; ``None`` where there is none, or where several may be."""
    with suppress(DataError):
        return _path({name: column[:_SAMPLE] for name, column in cells.items()}, None, is_image, "")
    return None


def _path(cells: Cells, label: str | None, is_image: Callable[[str], bool], where: str) -> str | None:
    """The column of paths: one whose cells name images, or one that is called so; ``None`` where there is none."""
    some = {name: [cell.strip() for cell in column[:50]] for name, column in cells.items() if name != label}
    shown = [name for name, column in some.items() if 2 * sum(map(is_image, column)) > len(column)]
    shown = [name for name in shown if part_of(name) is not Part.MASKS] or shown
    shown = [name for name in shown if all(_FILE.fullmatch(cell) and "://" not in cell for cell in some[name])] or shown
    if len(shown) > 1 and guess_column(shown, PATH_NAMES) is None:
        differing = [name for name in shown if len({*cells[name][:50]}) == len(some[name])]
        shown = differing or shown
    if len(shown) > 1 and guess_column(shown, PATH_NAMES) is None:
        raise DataError(f"{where} names images in several columns, {name_some(shown, 12)}: use `path_column`")
    return guess_column(shown, PATH_NAMES) or next(iter(shown), None) or guess_column(some, PATH_NAMES)


def _label(free: Cells, path: str | None, where: str) -> Columns:
    """The column of labels, or the columns of 0 and 1, among the ``free`` ones beside ``path``.

    The steps, each taken only where the one before decides nothing: a column that is called a label; one column of 0
    and 1 for each class; the only column that does not look like an id, a split or a measurement. Raises `DataError`
    with what to type where none decides.
    """
    if shapes := [name for name in free if plain_name(name) in SHAPE_NAMES]:
        raise DataError(
            f"{where} holds shapes in column '{shapes[0]}', not one label an image: name one with `label_column`"
        )
    corners = find_corners(free)
    free = {name: [cell.strip() for cell in column] for name, column in free.items() if name not in corners}
    boxes = len({plain_name(name) for name in free} & COORDINATE_NAMES) > 1
    kept = [name for name, column in free.items() if not _is_aside(name, column, boxes)]
    named = [name for name in kept if plain_name(name) in LABEL_NAMES] or [name for name in kept if is_label_name(name)]
    named = [name for name in named if not _are_ids(free[name])] or named
    likely = [name for name in kept if not _is_note(name, free[name])]
    aside = free.keys() - {*kept}
    likely += [name for name in free if name in aside and is_nameless(name) and _are_grades(free[name])]
    if named and not _divide_alike([free[name] for name in named]):
        others = [name for name in likely if name not in named]
        raise DataError(
            f"{where} has several columns of labels, {name_some([*named, *others], 12)}: choose with `label_column`"
        )
    if named:
        return Columns(path=path, label=_of_words({name: free[name] for name in named}))
    flags = [name for name in free if are_marks(free[name]) and not _counts_or_splits(name)]
    if signed := [name for name in kept if are_signed(free[name])]:
        raise DataError(
            f"{where} has marks of 1 and -1 in {len(signed) + len(flags)} columns ({name_some([*signed, *flags], 4)}): "
            "several labels for one image are not read; name one column with `label_column`"
        )
    counted = [name for name in free if plain_name(name) not in NOTE_NAMES | COORDINATE_NAMES]
    counted = [name for name in counted if not (_counts_or_splits(name) or _ID.fullmatch(plain_name(name)))]
    shares = find_shares({name: free[name] for name in counted})
    if len(flags) > 1 and len(flags) >= len(likely) and len(shares) <= len(flags):
        ones = [sum(map(is_one, row)) for row in zip(*(free[name] for name in flags), strict=True)]
        if 10 * sum(count == 1 for count in ones) >= 9 * len(ones):
            return Columns(path=path, label=None, one_hot=tuple(flags))
    if len(flags) > 1 and {*likely} <= {*flags} and len(shares) <= len(flags):
        unsure = sum(count != 1 for count in ones)
        raise DataError(
            f"{where} has 0 and 1 in {len(flags)} columns ({name_some(flags, 4)}), and {unsure:,} of {len(ones):,} "
            "rows have several 1 or none: several labels for one image are not read; name one column with "
            "`label_column`"
        )
    further = [name for name in kept if name.startswith("column ") and "" in free[name]]  # labels after the first
    if len(likely) == 1 and not further:
        return Columns(path=path, label=likely[0])
    likely += [name for name in further if likely and name not in likely]
    if shares:
        some = f"{len(shares)} classes ({name_some(shares, 4)})"
        raise DataError(f"{where} gives each image a share of {some}: write the likeliest one into a column")
    if not free:
        raise PathsOnly(f"{where} has no column beside its paths: name a table that has labels with `labels`")
    if not likely:
        _refuse_lists(free, where)
        held = {name: {*free[name]} - {""} for name in free if name in kept or _ID.fullmatch(plain_name(name))}
        such = [f", such as '{name}'" for name, cells in held.items() if 1 < len(cells) < len(free[name])]
        raise DataError(
            f"{where} has no column that looks like labels ({name_some(list(free), 12)}): name the one that holds "
            f"them with `label_column`{''.join(such[:1])}, or another table with `labels`"
        )
    alike = say_the_same([free[name] for name in likely])
    if not alike and _divide_alike([free[name] for name in likely], again=2):
        return Columns(path=path, label=_of_words({name: free[name] for name in likely}))
    votes = ", or each of them with `annotator` if they are several people's labels" if alike else ""
    raise DataError(
        f"{where} may have its labels in any of {name_some(likely, 12)}: name the column, such as `label_column` "
        f"'{likely[0]}'{votes}"
    )


def _divide_alike(columns: Sequence[Sequence[str]], again: int = 0) -> bool:
    """Whether all ``columns`` divide the rows in the same way, as numbers and their names do.

    Each value must come ``again`` times on average, lest chance does it.
    """
    first, *others = columns
    return again * len({*first}) <= len(first) and all(
        len({*zip(first, other, strict=True)}) == len({*first}) == len({*other}) for other in others
    )


def _of_words(named: Cells) -> str:
    """The first column of ``named`` that holds words, or else the first one."""
    return next((name for name, column in named.items() if not all(map(is_number, column))), next(iter(named)))


def _is_numbering(name: str, cells: Cells, path: str | None) -> bool:
    """Whether a column without a name, left of the paths, numbers the images: all whole and all different."""
    is_left = (not name or is_nameless(name)) and next(one for one in cells if one in (name, path)) != path
    if path is None or not is_left:
        return False
    values = [cell.strip() for cell in cells[name]]
    if len({*values}) < len(values) or not all(map(_NUMBER.fullmatch, values)):
        return False
    numbers = sorted(map(int, values))
    return len(values) >= _MANY or numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _counts_or_splits(name: str) -> bool:
    """Whether a column of 0 and 1 of this name certainly stands for no class."""
    return plain_name(name) in SPLIT_NAMES or _COUNT.fullmatch(plain_name(name)) is not None


def _is_aside(name: str, values: Sequence[str], boxes: bool) -> bool:
    """Whether a column of such ``values`` certainly holds no label: coordinates, splits, ids, measurements, nothing."""
    key = plain_name(name)
    filled = [value for value in values if value]
    if not filled or (boxes and key in COORDINATE_NAMES) or key in SPLIT_NAMES:
        return True
    if all(part_of(value) is Part.SPLIT for value in {*filled} - {"UNASSIGNED"}) or any(
        value[0] in "[{" for value in filled
    ):
        return True
    if key in LABEL_NAMES:
        return any(is_measured(value) for value in filled)
    return bool(_ID.fullmatch(key)) or any(is_measured(value) for value in filled)


def _are_ids(values: Sequence[str]) -> bool:
    """Whether all of some values differ, as ids do."""
    return len(values) > _FEW and len({*values}) == len(values)


def _are_grades(values: Sequence[str]) -> bool:
    """Whether numbers with fractions come again and again, as ``0.33`` and ``0.67`` do that say how sure a label is."""
    return _AGAIN * len({*values}) <= len(values) and any(map(is_measured, values)) and len({*values}) > 1


def _is_note(name: str, values: Sequence[str]) -> bool:
    """Whether the name or the values of a column speak against its being the label."""
    alike = len(values) > _FEW and len({*values} - {""}) == 1
    values = [value for value in values if value]
    mostly_differ = len(values) >= _MANY and 2 * len({*values}) > len(values)
    files = bool(values) and all(_FILE.fullmatch(value) or "://" in value for value in values)
    odd = mostly_differ or _are_ids(values) or alike or files or any(len(value) > 100 for value in values)
    return odd or plain_name(name) in NOTE_NAMES or plain_name(name).endswith("_count")
