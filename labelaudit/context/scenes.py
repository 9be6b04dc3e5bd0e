"""Images of one scene: crops, turned copies and frames of a film, which pixels do not match but features do.

Two images show the same scene where their features are four times closer than is usual around them: the cosine of a
pair against that of the 30th neighbour of either. A few such pairs are in every dataset: one bottle photographed
twice, but also two of many stop signs, so they count only where nothing else is nearly as close. Where many images have
one, the dataset was made by cutting up fewer pictures, and a model that saw one part knows the label of the other: then
pairs that are about three times closer count, and of an image without such a pair its closest one that is twice as
close; connected ones are groups, unless their labels say that they were labelled one by one. Left out: scenes of more
than 30 images that are as much alike as any two of their pictures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from labelaudit.context.groups import add_near_copies, connect
from labelaudit.data.parts import TRAINING
from labelaudit.features.neighbors import nearest
from labelaudit.features.pairs import products, project, unique_pairs
from labelaudit.judge.vectors import find_directions
from labelaudit.names import distinct
from labelaudit.types import Bools, Features, Finding, Floats, Ints, Samples

CLOSE, LOOSE, LOOSEST = 0.25, 0.35, 0.5
"""Distance of a pair as a share of the usual one: probably one scene; one scene where many images have such a pair; and
one there where an image has no closer pair, what hardly says anything about a label elsewhere."""
ALONE = 0.4
"""A pair of few is one scene below this share of the distance to the nearest image that no such pairs connect with it:
kinds of things that look alike (stop signs, fields of rape) go over into more of their kind."""
WIDESPREAD = 0.2
"""Share of images in a close pair from which a dataset is taken to be cut from fewer pictures."""
DISSENT = 0.07
"""Share of dissent up to which scenes count as labelled as a whole. There is more where images were labelled one by
one, so that each bears witness to the others, and among letters or icons that look alike and are no scenes."""
NEIGHBORS = 10
USUAL = 30
"""The neighbour whose distance is the usual one; in small datasets the last of the nearest tenth."""


@dataclass(frozen=True, kw_only=True)
class Scenes:
    """Pairs of images that may show one scene, closest first; copies of the same bytes are not among them."""

    first: Ints
    """(p,) row of the sample that comes first."""
    second: Ints
    """(p,) row of the other."""
    distance: Floats
    """(p,) cosine distance as a share of the usual one, below `LOOSEST`."""
    alone: Bools
    """(p,) whether it is closer than `CLOSE` and, by `ALONE`, than any image that such pairs do not connect with it;
    all False where scenes are widespread."""
    share: float
    """Share of the distinct images that are in a pair closer than `CLOSE`."""
    dissent: float = 0.0
    """Share of the images in pairs that count whose label is not the commonest one of their scene; 0 where scenes are
    not widespread."""

    @property
    def widespread(self) -> bool:
        """Whether the dataset seems to be cut from fewer pictures."""
        return self.share >= WIDESPREAD

    @property
    def are_groups(self) -> bool:
        """Whether the images of one scene must not vouch for each other: scenes are widespread, and were labelled as a
        whole."""
        return self.widespread and self.dissent <= DISSENT

    @property
    def sure(self) -> Bools:
        """(p,) whether the pair counts as one scene."""
        if not self.widespread:
            return self.alone
        # the first pair of each image, which is its closest
        closest = np.unique(np.stack([self.first, self.second], axis=1), return_index=True)[1] // 2
        sure = np.asarray(self.distance < LOOSE)
        sure[closest] = True
        return sure


def find_scenes(samples: Samples, features: Features, *, near: Ints | None = None, device: str = "cpu") -> Scenes:
    """Compare every image with its nearest ones; of byte-identical ones the first stands for all.

    ``near`` (n, k) are the rows nearest to each, best first, where they are known.

    >>> x = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    >>> twins = np.repeat(x, 2, axis=0) + np.float32(0.01)
    >>> ids = tuple(map(str, range(120)))
    >>> samples = Samples(ids=ids, labels=np.zeros(120, int), classes=("x",), digests=ids)
    >>> find_scenes(samples, Features(values=twins, name="given")).share
    1.0
    """
    rows = np.sort(samples.numbered.first)
    values = features.values if len(rows) == len(samples) else features.values[rows]
    x = find_directions(features).apply(values)
    usual = min(USUAL, max(NEIGHBORS, len(rows) // 10))
    around = None if near is None else _among(near, rows, usual)
    if around is None:
        around = nearest(project(x), k=usual, device=device)[1]
    if around.shape[1] < NEIGHBORS:
        none = np.zeros(0)
        return Scenes(first=rows[:0], second=rows[:0], distance=none, alone=none > 0, share=0.0)
    all_rows = np.arange(len(rows))
    far = _distance(x, all_rows, around[:, -1])
    pairs = np.stack([np.repeat(all_rows, NEIGHBORS), around[:, :NEIGHBORS].ravel()])
    first, second = unique_pairs(*pairs)
    apart = _distance(x, first, second)
    distance = apart / np.maximum(np.minimum(far[first], far[second]), 1e-6)
    close = distance < CLOSE
    share = len(distinct(np.concatenate([first[close], second[close]]))) / len(rows)
    few = close & (share < WIDESPREAD)
    alone = _stand_alone(x, around, first, second, apart, few)
    kept = np.flatnonzero(distance < LOOSEST)
    kept = kept[np.lexsort((second[kept], first[kept], distance[kept]))]
    scenes = Scenes(
        first=rows[first[kept]], second=rows[second[kept]], distance=distance[kept], alone=alone[kept], share=share
    )
    if not scenes.widespread:
        return scenes
    sure = scenes.sure
    return replace(scenes, dissent=_dissent(samples.labels, scenes.first[sure], scenes.second[sure]))


def group_scenes(samples: Samples, scenes: Scenes) -> Samples:
    """The ``samples`` with the images of each scene as a group, where scenes are groups."""
    if not scenes.are_groups:
        return samples
    return add_near_copies(samples, scenes.first[scenes.sure], scenes.second[scenes.sure])


def share_apart(samples: Samples, scenes: Scenes) -> float:
    """Share of the images that may have another one of their scene outside their group, where scenes are groups."""
    if not scenes.are_groups:
        return 0.0
    group = samples.numbered_groups.code
    apart = group[scenes.first] != group[scenes.second]
    return len(distinct(np.concatenate([scenes.first[apart], scenes.second[apart]]))) / len(samples)


def scenes_across(samples: Samples, scenes: Scenes, named: set[str]) -> tuple[Finding, ...]:
    """Samples of one split whose scene is in another split too, kind ``same_scene``, each once, without those ``named``
    as leaks already. The one outside the training split is reported."""
    if samples.splits is None:
        return ()
    found: dict[str, Finding] = {}
    for first, second in zip(scenes.first[scenes.sure].tolist(), scenes.second[scenes.sure].tolist(), strict=True):
        if samples.splits[first] == samples.splits[second]:
            continue
        row, other = (first, second) if samples.splits[second].casefold() in TRAINING else (second, first)
        path, partner = samples.ids[row], samples.ids[other]
        if path not in named:
            detail = f"in split '{samples.splits[row]}', but seems to show the scene of '{partner}' in split "
            found.setdefault(
                path,
                Finding(kind="same_scene", path=path, detail=f"{detail}'{samples.splits[other]}'", partner=partner),
            )
    return tuple(found.values())


def groups_across(samples: Samples, named: set[str]) -> tuple[Finding, ...]:
    """Samples whose group, which a person has named, lies in another split too, kind ``same_scene``, without those
    ``named`` as leaks already. Those outside the training split are reported."""
    if samples.splits is None:
        return ()
    first: dict[str, int] = {}  # group -> the sample that the others are compared with, of the training split if any is
    training = [split.casefold() in TRAINING for split in samples.splits]
    for row in sorted(range(len(samples)), key=lambda row: not training[row]):
        first.setdefault(samples.groups[row], row)
    found = []
    for row, group in enumerate(samples.groups):
        other = first[group]
        if samples.splits[row] != samples.splits[other] and samples.ids[row] not in named:
            detail = (
                f"in split '{samples.splits[row]}', but its group '{group}' is in split '{samples.splits[other]}' too"
            )
            found.append(Finding(kind="same_scene", path=samples.ids[row], detail=detail, partner=samples.ids[other]))
    return tuple(found)


def _dissent(labels: Ints, first: Ints, second: Ints) -> float:
    """Share of the images in these pairs of rows whose label is not the commonest of all that pairs connect with it."""
    members = distinct(np.concatenate([first, second]))
    scene = connect(len(labels), (first, second))[members]
    (scene_of, _), counts = np.unique(np.stack([scene, labels[members]]), axis=1, return_counts=True)
    commonest = np.zeros(len(labels), dtype=np.int64)
    np.maximum.at(commonest, scene_of, counts)
    return 1 - float(commonest.sum()) / len(members)


def _among(near: Ints, rows: Ints, k: int) -> Ints | None:
    """(r, k) places in ``rows`` (r,), ascending, of the nearest of them to each, from the ``near`` of all samples;
    None where too few are known."""
    place = np.full(len(near), -1)
    place[rows] = np.arange(len(rows))
    found = place[near[rows]]  # -1 where it is not among them
    held = found >= 0
    if near.shape[1] < k or (held.sum(axis=1) < k).any():
        return None
    if held.all():
        return np.asarray(found[:, :k])
    return np.take_along_axis(found, np.argsort(~held, axis=1, kind="stable")[:, :k], axis=1)


def _stand_alone(x: Floats, around: Ints, first: Ints, second: Ints, apart: Floats, close: Bools) -> Bools:
    """(p,) mask of the ``close`` pairs, ``apart`` (p,) by their cosines, whose images have none of the rows ``around``
    (n, k) as near that close pairs do not connect with them."""
    first, second, apart = first[close], second[close], apart[close]
    n, k = around.shape
    scene = connect(n, (first, second))
    members = distinct(np.concatenate([first, second]))
    distance = _distance(x, np.repeat(members, k), around[members].ravel()).reshape(-1, k)
    outside = np.where(scene[around[members]] != scene[members, None], distance, np.inf).min(axis=1)
    of = np.full(n, np.inf)
    of[members] = np.where(np.isfinite(outside), outside, distance.max(axis=1))
    alone = np.zeros(len(close), dtype=np.bool_)
    alone[close] = apart <= ALONE * np.minimum(of[first], of[second])
    return alone


def _distance(x: Floats, first: Ints, second: Ints) -> Floats:
    """(p,) 1 less the cosines of rows of unit length."""
    return 1 - products(x, first, second).astype(np.float64)
