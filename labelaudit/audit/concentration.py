"""Finds where suspects concentrate: columns of the table, folders and file names of which one value has far more than
the others, or a stretch of the rows.

One annotator, one day or one batch with many suspects says more than any single one of them. For every attribute with 2
to 50 values the suspicion of each value's labels is compared with that of the other values within the same classes
(`audit.excess`), corrected for the number of values and attributes tried. What also has half as many suspects again as
the classes of its images explain is named, the most telling value first, and the others are compared without it.
Members of a group count once. Left out: pairs of attributes, and values that have fewer suspects than others.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from labelaudit.audit.excess import Dealt
from labelaudit.audit.stretch import DEALS, find_stretch, rows_slipped
from labelaudit.data.facts import list_folder_levels
from labelaudit.data.votes import OF_VOTES
from labelaudit.packed import Texts, holds
from labelaudit.text import count
from labelaudit.types import Bools, Floats, Ints, Samples

MOST_VALUES = 50
"""Attributes of more values name single images."""
SIGNIFICANT = 0.01
"""Corrected probability of so many suspects by chance, below which a value is named."""
BEYOND = 1.5
"""A value must have so many times the suspects that the rest has, and that its classes explain."""
FEWEST = 3
"""Suspects that a value must have."""
_BEGINNING = re.compile(r"\D*")  # matches every text
_LARGE = 10  # samples of another value that it is compared with by name
_SAME = 0.9
"""Share of their samples that two values have in common where they say the same, and of a stretch's suspects that one
value has where it explains the stretch."""


@dataclass(frozen=True, kw_only=True)
class Concentration:
    """A value with far more suspects than the others of its attribute."""

    attribute: str
    """Such as ``column 'annotator'``, ``folder level 1`` or ``file name``."""
    value: str
    flagged: int
    samples: int
    others: tuple[float, float]
    """Least and greatest share of suspects among values that are not named, those with at least ten samples, or all."""
    p_value: float
    """Corrected for all values and attributes that were tried."""

    @property
    def share(self) -> float:
        """Share of suspects among the samples of the value."""
        return self.flagged / self.samples

    def sentence(self) -> str:
        """For a person: ``column 'annotator', eve: 23 of 100 are suspects (others 3% to 9%)``."""
        low, high = (f"{share:.0%}" for share in self.others)
        rest = low if low == high else f"{low} to {high}"
        return f"{self.attribute}, {self.value}: {self.flagged:,} of {self.samples:,} are suspects (others {rest})"

    def record(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {**asdict(self), "others": list(self.others)}


def find_concentrations(
    samples: Samples, suspicion: Floats, flagged: Bools, predicted: Ints
) -> tuple[Concentration, ...]:
    """Values whose labels are more suspect than those of others, with far more ``flagged`` (n,) ones, most telling
    first.

    A stretch of the rows that none of them explains comes last. ``suspicion`` (n,) is from 0 to 1; ``predicted`` (n,)
    are the suggested labels.
    """
    attributes = list_attributes(samples)
    alone = _once_per_group(samples, suspicion, flagged)
    tests = sum(len(set(values)) for values in attributes.values())
    case = _Case((samples.labels, predicted), np.asarray(suspicion, dtype=np.float64), flagged, alone, tests)
    found = [one for name, values in attributes.items() for one in case.test(name, values)]
    ordered = sorted(found, key=lambda one: (one.p_value, one.attribute, one.value))
    kept = _without_repeats(ordered, attributes)
    return (*(one for one, _ in kept), *_test_order(samples, flagged, alone, predicted, [mask for _, mask in kept]))


def _test_order(
    samples: Samples, flagged: Bools, alone: Bools, predicted: Ints, named: Sequence[Bools]
) -> Iterator[Concentration]:
    """Yield the stretch of rows with far more suspects than the rest, if there is one.

    It is not named again where nearly all of its suspects are among the samples of one of the values ``named``, masks
    (n,). Nor is it looked for in class folders, whose rows are in no order that somebody labelled them in.
    """
    rows = np.flatnonzero(alone)
    folders = _are_class_folders(samples)
    stretch = None if folders else find_stretch(samples.labels[rows], predicted[rows], flagged[rows])
    if stretch is None:
        return
    first, last = int(rows[stretch[0]]), int(rows[stretch[1] - 1])
    inside, length = slice(first, last + 1), last - first + 1
    suspects = first + np.flatnonzero(flagged[inside])
    if len(suspects) < FEWEST or any(mask[suspects].mean() > _SAME for mask in named):
        return
    slipped = rows_slipped(samples.labels[inside], flagged[inside], predicted[inside])
    said = f", as if labels had slipped by {count(slipped, 'row')}" if slipped else ""
    rest = float((flagged.sum() - len(suspects)) / max(1, len(flagged) - length))
    yield Concentration(
        attribute="order of the rows",
        value=f"{samples.ids[first]} to {samples.ids[last]}{said}",
        flagged=len(suspects),
        samples=length,
        others=(rest, rest),
        p_value=1 / (1 + DEALS),
    )


def _are_class_folders(samples: Samples) -> bool:
    """Whether no folder holds images of two classes."""
    if not holds(samples.ids, "/"):  # one folder
        return len(np.unique(samples.labels)) == 1
    folders = [name.rpartition("/")[0] for name in samples.ids]
    return len(set(zip(folders, samples.labels.tolist(), strict=True))) == len(set(folders))


def list_attributes(samples: Samples) -> dict[str, Sequence[str]]:
    """Name -> (n,) values of every attribute of the samples that has 2 to 50 values.

    Attributes are columns of the table, the days of columns of times, folder levels, and the beginnings of file names.
    Those whose values correspond one to one to the classes are left out.
    """
    found: dict[str, Sequence[str]] = {}
    for name, values in samples.extra.items():
        if name in OF_VOTES:
            continue
        found[f"column '{name}'"] = values
        if len(set(values)) > MOST_VALUES and all(_is_day(value[:10]) for value in values[:100]):
            found[f"day of '{name}'"] = [value[:10] for value in values]
    levels = {name: values for name, values in list_folder_levels(samples.ids).items() if len(set(values)) > 1}
    found |= levels
    if levels or not _are_numbered(samples.ids):
        found["beginning of the file name"] = [_begin(path[path.rfind("/") + 1 :]) for path in samples.ids]
    return {
        name: values
        for name, values in found.items()
        if 2 <= len(set(values)) <= MOST_VALUES and not _spells_class(samples, values)
    }


def find_attribute(samples: Samples, name: str) -> Sequence[str] | None:
    """(n,) values of a column of the table, or of another attribute by its name; None where there is none."""
    return samples.extra.get(name) or list_attributes(samples).get(name)


@dataclass(frozen=True)
class _Case:
    """The samples and labels that every attribute is tested on."""

    classes: tuple[Ints, Ints]
    """(n,) classes given, and suggested: names and folders may go with either."""
    suspicion: Floats
    flagged: Bools
    alone: Bools
    """(n,) one sample of each group."""
    tests: int

    def test(self, attribute: str, values: Sequence[str]) -> list[Concentration]:
        """The values of ``attribute`` that stand out."""
        names, code = np.unique(np.asarray(values), return_inverse=True)
        named = self._pick(code, len(names))
        sizes, counts = np.bincount(code), np.bincount(code, weights=self.flagged)
        usual = ~np.isin(np.arange(len(names)), list(named))
        large = (sizes >= _LARGE) & usual
        share = (counts / sizes)[large] if large.any() else np.array([self.flagged[usual[code]].mean()])
        return [
            Concentration(
                attribute=attribute,
                value=str(names[value]),
                flagged=int(counts[value]),
                samples=int(sizes[value]),
                others=(float(share.min()), float(share.max())),
                p_value=p_value,
            )
            for value, p_value in named.items()
        ]

    def _pick(self, code: Ints, values: int) -> dict[int, float]:
        """Values that stand out from the others, each with its corrected probability.

        What has been picked is no longer among the others: of two careless annotators either hides the other.
        """
        code, suspicion, flagged = code[self.alone], self.suspicion[self.alone], self.flagged[self.alone]
        given, suggested = (Dealt(own[self.alone], code, suspicion, flagged, values) for own in self.classes)
        rows, hits = given.rows.sum(axis=0), given.hits.sum(axis=0)
        among = np.ones(values, dtype=bool)
        picked: dict[int, float] = {}
        while among.sum() > 1:
            explained = np.maximum(given.explain(among), suggested.explain(among))
            rest = ((hits * among).sum() - hits) / np.maximum((rows * among).sum() - rows, 1)
            p_values = np.minimum(1.0, np.maximum(given.chance(among), suggested.chance(among)) * self.tests)
            telling = among & (p_values <= SIGNIFICANT) & (hits >= FEWEST)
            telling &= (hits >= BEYOND * explained) & (hits >= BEYOND * rest * rows)
            if not telling.any():
                break
            value = int(np.where(telling, p_values, np.inf).argmin())
            picked[value], among[value] = float(p_values[value]), False
        return picked


def _once_per_group(samples: Samples, suspicion: Floats, flagged: Bools) -> Bools:
    """(n,) one sample of each group, its most suspect one: members are flagged together."""
    if samples.numbered_groups.all_differ:
        return np.ones(len(samples), dtype=bool)
    code = samples.numbered_groups.code
    order = np.lexsort((-suspicion, ~flagged, code))
    groups = code[order]
    first = np.r_[True, groups[1:] != groups[:-1]]
    alone = np.zeros(len(samples), dtype=bool)
    alone[order[first]] = True
    return alone


def _without_repeats(
    found: Sequence[Concentration], attributes: Mapping[str, Sequence[str]]
) -> list[tuple[Concentration, Bools]]:
    """Those of ``found``, most telling first, that are not about nearly the same samples as an earlier one, such as a
    batch that one person labelled; each with its samples (n,)."""
    said: list[Bools] = []
    kept = []
    for one in found:
        inside = np.array([value == one.value for value in attributes[one.attribute]])
        if not any((inside & other).sum() > _SAME * (inside | other).sum() for other in said):
            kept.append((one, inside))
        said.append(inside)
    return kept


def _spells_class(samples: Samples, values: Sequence[str]) -> bool:
    """Whether each value stands for one class and each class for one value."""
    pairs = set(zip(values, samples.labels.tolist(), strict=True))
    return len(pairs) == len(set(values)) == len({label for _, label in pairs})


def _are_numbered(names: Sequence[str]) -> bool:
    """Whether all ``names`` begin with the same word, and go on with a number: rows of one array.

    >>> _are_numbered(["x.npy#1", "x.npy#20"]), _are_numbered(["cat1.png", "car1.png"])
    (True, False)
    """
    if isinstance(names, Texts) and names.is_ascii:
        shared = len(names.beginning.rstrip("0123456789"))
        return bool(len(names)) and all(letter.isdigit() for letter in names.letters(shared))
    ends = min(names, default=""), max(names, default="")
    shared = len(os.path.commonprefix(ends).rstrip("0123456789"))  # noqa: RUF071 - letters, not folders
    first = [name[shared : shared + 1] for name in ends]
    if all("0" <= letter <= "9" for letter in first):  # and so are those of all names between them
        return True
    return all(letter.isdigit() for letter in {name[shared : shared + 1] for name in names})


def _begin(name: str) -> str:
    """The beginning of a file name, up to its first number."""
    return _BEGINNING.match(name)[0].rstrip("_-. ") or "a number"  # type: ignore[index]


def _is_day(text: str) -> bool:
    return len(text) == 10 and all(part.isdigit() for part in text.replace("/", "-").split("-"))
