"""Siblings that nobody has named: images whose nearest neighbour shares a name, a folder or a cell with them.

Frames of one film, slides of one patient, crops of one picture: where the nearest neighbour of nearly every image has
the same ``patient07_`` in its name, models see siblings of what they judge, and what they say about its label is
hearsay. Compared is the share of such neighbours with what the class alone explains. Left out: siblings that neither
names nor tables tell of; `labelaudit.context.scenes` finds those that look alike enough.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from labelaudit.context.groups import PARENT, read_names
from labelaudit.context.scenes import groups_across
from labelaudit.data.votes import OF_VOTES
from labelaudit.text import count
from labelaudit.types import Ints, Samples

PATTERNS = (
    "name:([^/]+)[ _.-][0-9]+(?:[.][A-Za-z]+)?$",
    "name:([^/0-9]*[0-9]+)[^0-9/][^/]*$",
    "name:([^/_ .-]+)[ _-][^/]*$",
)
"""Parts of a file's name that may name a group: all before its last number, up to its first number, up to the first
sign."""

LEAST_EXCESS = 0.3
"""Share of neighbours with the same name, beyond what the class explains, from which siblings are suspected."""
MOST_EXPECTED = 0.25
"""Names that a quarter of a class's images share are sources or batches, no groups."""
_FEWEST = 10  # neighbours beyond what is expected


@dataclass(frozen=True, kw_only=True)
class Siblings:
    """Names or columns that seem to name groups of images that vouch for each other."""

    how: str
    """As after ``group``."""
    example: str
    """One of the names."""
    share: float
    """Share of images whose nearest neighbour outside their group has the same name."""
    expected: float
    """The same for a neighbour drawn at random from the class."""
    across: int = 0
    """Images outside the training split whose name is in another split too."""

    @property
    def excess(self) -> float:
        """Share of images whose nearest neighbour is a sibling."""
        return (self.share - self.expected) / (1 - self.expected)

    def note(self) -> str:
        """A sentence about them, with what to do."""
        how = f"'{self.how}'" if self.how.startswith("name:") else self.how
        lie = count(self.across, "image has its name", "images have their name")
        test = f" {lie} in another split too, which then does not test what it seems to." if self.across else ""
        return (
            f"For {self.share:.1%} of the images the most similar one has the same '{self.example}' (by chance "
            f"{self.expected:.1%}): a model that sees the one knows the other's label, so that wrong ones cannot stand "
            f"out.{test} If these belong together (frames, crops, one patient), scan again with `group` {how}"
        )


def find_siblings(samples: Samples, nearest: Ints) -> Siblings | None:
    """The names that most neighbours share, or None where the classes explain them.

    ``nearest`` (n,) is the row of the most similar sample outside the group of each.
    """
    found = [
        one
        for how in (*samples.extra, PARENT, *PATTERNS)
        if how not in OF_VOTES and (one := _compare(samples, nearest, how, read_names(samples, how))) is not None
    ]
    best = max(found, key=lambda one: one.excess, default=None)
    if best is None or samples.splits is None:
        return best
    named = zip(read_names(samples, best.how), samples.groups, strict=True)
    grouped = replace(samples, groups=tuple(name or alone for name, alone in named))
    return replace(best, across=len(groups_across(grouped, set())))


def _compare(samples: Samples, nearest: Ints, how: str, names: list[str]) -> Siblings | None:
    code = np.unique(names, return_inverse=True)[1].astype(np.int64)
    group = samples.numbered_groups.code
    named = np.array([bool(name) for name in names])
    if not named.any():
        return None
    own = np.stack([code, samples.labels], axis=1)
    kin = _count(own) - _count(np.column_stack([own, group]))  # same name and label, another group
    others = _count(samples.labels[:, None]) - _count(np.stack([samples.labels, group], axis=1))
    anywhere = (_count(code[:, None]) - 1) / max(1, len(code) - 1)  # for the only group of its class
    expected = float(np.where(named, np.where(others > 0, kin / np.maximum(others, 1), anywhere), 0).mean())
    shared = named & (code[nearest] == code)
    share = float(shared.mean())
    few = len(names) * (share - expected) < _FEWEST
    if expected > MOST_EXPECTED or few or share - expected < LEAST_EXCESS * (1 - expected):
        return None
    common = np.bincount(code[shared]).argmax()
    return Siblings(how=how, example=names[int(np.flatnonzero(code == common)[0])], share=share, expected=expected)


def _count(keys: Ints) -> Ints:
    """(n,) how many rows of ``keys`` (n, m) equal each row."""
    _, place, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(counts[place.ravel()])
