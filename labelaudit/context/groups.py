"""Groups of images that must not vouch for each other: copies, near-copies, and those that a person names.

A model that has seen the mirrored twin of an image, or another frame of the same patient, knows the label that both
carry; held out it is not. Members of a group therefore share a fold and have no vote on each other. `Samples.groups`
holds a name for each sample, equal where samples belong together; a sample that stands alone is its own group, named
by its content digest. Left out: groups that neither pixels nor names nor a table show.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from labelaudit.errors import DataError, OptionError
from labelaudit.judge.belief import count_groups
from labelaudit.judge.decide import FEWEST
from labelaudit.text import name_some
from labelaudit.types import Bools, Ints, Samples

PARENT = "parent"
"""``group=parent``: the folder that an image lies in, below its class and split."""
PATTERN = "name:"
"""``group=name:'REGEX'``: what a regular expression finds in the path of an image."""
LARGEST, FEW = 0.5, 4
"""A chain of near-copies that holds more than this share of a class, and more images, is of look-alikes: no group."""

_NAMES = 3  # spelled out in the name of a group that several names make


def name_groups(samples: Samples, how: Sequence[str]) -> Samples:
    """The ``samples`` with the groups that a person names in one or several ways, joined with the copies.

    ``how`` holds names of columns of the label table, ``parent``, or ``name:REGEX``, whose groups (or whole match,
    where it has none) are the name. Samples without a name stand alone, but for copies.

    Raises `OptionError` for a column that is not there and a pattern that is not a regular expression, `DataError`
    where no sample has a name and where every class lies in one group, so that nothing can be held out.
    """
    if not how:
        return samples
    for one in how:
        names = read_names(samples, one)
        if not any(names):
            raise DataError(f"`group` {one}: no image has a group by it; the first is '{samples.ids[0]}'")
        named = [name or other for name, other in zip(names, samples.groups, strict=True)]
        samples = _join(samples, _ties(samples.groups), _ties(named), names=named)
    if are_one_a_class(samples):
        said = ", ".join(f"`group` {one}" for one in how)
        copies = len(set(samples.digests)) < len(samples)
        alone = ", whose images and their identical copies stay together" if copies else ""
        raise DataError(f"{said}: every class lies in one group{alone}, so no image can be judged without its group")
    return samples


def are_one_a_class(samples: Samples) -> bool:
    """Whether every class lies in one group, so that nothing can be held out."""
    return int(count_groups(samples.labels, samples.numbered_groups.code, len(samples.classes)).max()) < 2


def add_near_copies(samples: Samples, first: Ints, second: Ints) -> Samples:
    """The ``samples`` with the pairs of near-copies (p,), (p,) joined to groups, chains of them too."""
    kept = _cut_chains(connect(len(samples), (first, second)), samples.labels)[first]
    return _join(samples, _ties(samples.groups), (first[kept], second[kept]), names=samples.groups)


def name_few(samples: Samples) -> list[str]:
    """A note on classes that have enough images, but in too few groups to be judged."""
    if samples.numbered_groups.all_differ:
        return []
    spread = count_groups(samples.labels, samples.numbered_groups.code, len(samples.classes))
    counts = zip(samples.classes, spread, samples.counts(), strict=True)
    few = [name for name, count, size in counts if count < FEWEST <= size]
    them = "it" if len(few) == 1 else "each"
    return [f"Cannot judge {name_some(few)}: fewer than {FEWEST} groups have images of {them}."] if few else []


def read_names(samples: Samples, how: str) -> list[str]:
    """(n,) what ``how`` calls the group of each sample; empty where it says nothing. See `name_groups`."""
    if how.startswith(PATTERN):
        try:
            pattern = re.compile(how.removeprefix(PATTERN))
        except re.error as error:
            raise OptionError(f"`group` {how}: not a regular expression: {error}") from None
        found = [pattern.search(name) for name in samples.ids]
        return ["" if one is None else "/".join(filter(None, one.groups())) or one.group() for one in found]
    if how in samples.extra:
        return [value.strip() for value in samples.extra[how]]
    if how == PARENT:
        return _folders(samples)
    if not how.strip():
        raise OptionError("`group` is empty, perhaps a variable that is not set: give a column, parent or name:'...'")
    columns = f"it has {', '.join(samples.extra)}" if samples.extra else "it has no further columns"
    raise OptionError(
        f"`group` {how}: the table of labels has no such column ({columns}); for folders write parent, for a part "
        f"of the path name:'(patient[0-9]+)'"
    )


def _folders(samples: Samples) -> list[str]:
    """(n,) the folders above each image, without those that say its split or its class."""
    splits = samples.splits or [""] * len(samples)
    return [
        "/".join(part for part in posixpath.dirname(name).split("/") if part not in (label, split))
        for name, label, split in zip(samples.ids, samples.written(), splits, strict=True)
    ]


def _ties(names: Sequence[str]) -> tuple[Ints, Ints]:
    """Rows (p,), (p,) that chain the samples of equal names."""
    codes = np.unique(names, return_inverse=True)[1]
    order = np.argsort(codes, kind="stable")
    same = codes[order][1:] == codes[order][:-1]
    return order[:-1][same], order[1:][same]


def connect(n: int, *ties: tuple[Ints, Ints]) -> Ints:
    """(n,) number of the connected component of each sample."""
    first, second = (np.concatenate(ends) for ends in zip(*ties, strict=True))
    links = coo_array((np.ones(len(first)), (first, second)), shape=(n, n))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _cut_chains(component: Ints, labels: Ints) -> Bools:
    """(n,) whether a component can be a group; not if it holds most of a class, as chains of look-alikes do."""
    members, counts = np.unique(np.stack([component, labels]), axis=1, return_counts=True)
    most = (counts > FEW) & (counts > LARGEST * np.bincount(labels)[members[1]])
    return ~np.isin(component, members[0][most])


def _join(samples: Samples, *ties: tuple[Ints, Ints], names: Sequence[str]) -> Samples:
    """The ``samples`` in groups connected by ``ties``, each called by the names that are not digests, or by its
    smallest digest: a sample that stands alone is named by its own."""
    component = connect(len(samples), *ties)
    groups = np.array(samples.groups, dtype=object)
    digests, names = set(samples.digests), list(names)
    sizes = np.bincount(component)
    order = np.argsort(component, kind="stable")
    for rows in np.split(order, np.cumsum(sizes)[:-1]):
        called = sorted({names[row] for row in rows.tolist()} - digests)
        if called:
            groups[rows] = " + ".join(called[:_NAMES]) + (" + …" if len(called) > _NAMES else "")
        elif len(rows) > 1:
            groups[rows] = min(samples.digests[row] for row in rows.tolist())
    return replace(samples, groups=tuple(groups.tolist()))
