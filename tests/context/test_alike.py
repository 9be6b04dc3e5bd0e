"""Scenes and siblings: datasets cut from fewer pictures are told from others, and never get a tight interval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labelaudit.context.alike import Alike, find_alike
from labelaudit.context.groups import name_groups
from labelaudit.context.scenes import CLOSE, find_scenes, group_scenes, scenes_across, share_apart
from labelaudit.context.siblings import find_siblings
from labelaudit.features.neighbors import nearest, nearest_outside
from labelaudit.machine import Machine
from labelaudit.scanning.assessment import audit_samples
from labelaudit.scanning.settings import ScanSettings
from labelaudit.types import Decision, Features, Floats, Samples

CLASSES = ("cat", "dog", "owl")


def features(patients: int, frames: int, spread: float, seed: int = 0) -> Features:
    """Frames of patients: vectors of a class, a patient's own part, and ``spread`` from frame to frame."""
    draw = np.random.default_rng(seed)
    center = np.repeat(draw.normal(size=(3, 40)), patients // 3, axis=0)
    own = np.repeat(center + draw.normal(size=(patients, 40)), frames, axis=0)
    return Features(values=np.float32(own + spread * draw.normal(size=own.shape)), name="given")


def samples(patients: int, frames: int, *, named: bool = True, splits: bool = False) -> Samples:
    """The samples of `features`, labelled by their class."""
    n = patients * frames
    label = np.arange(n) // (frames * patients // 3)
    ids = [
        f"{CLASSES[label[row]]}/"
        + (f"patient{row // frames}_{row % frames}.png" if named else f"x{row * 7919 % 10007}.png")
        for row in range(n)
    ]
    return Samples(
        ids=tuple(ids),
        labels=label,
        classes=CLASSES,
        digests=tuple(f"{row:032x}" for row in range(n)),
        splits=tuple("test" if row % frames == 0 else "train" for row in range(n)) if splits else None,
    )


def decision(n: int) -> Decision:
    return Decision(
        suspicion=np.zeros(n),
        is_issue=np.zeros(n, bool),
        judged=np.ones(n, bool),
        probs=np.full((n, 3), 1 / 3, np.float32),
        predicted=np.zeros(n, int),
        threshold=0.5,
        noise_rate=0.0,
        noise_interval=(0.0, 0.003),
        noise_matrix=np.eye(3),
        reasons=("",) * n,
    )


def group(dataset: Samples, seen: Features | None, *, named: bool = False) -> Alike:
    """What is alike in a dataset, by all neighbours that a scan looks for."""
    near = None if seen is None else nearest(seen.values, k=36)[1]
    return find_alike(dataset, seen, Machine(device="cpu"), near=near, named=named)


def outside(dataset: Samples, values: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return nearest_outside(values - values.mean(axis=0), dataset.groups, k=1)[1][:, 0]


@pytest.mark.parametrize(("patients", "frames"), [(60, 4), (15, 16)])
def test_frames_of_a_patient_are_one_scene_and_become_a_group(patients: int, frames: int) -> None:
    dataset, seen = samples(patients, frames, named=False), features(patients, frames, 0.3)
    scenes = find_scenes(dataset, seen)
    assert scenes.widespread
    assert scenes.share > 0.9
    assert (scenes.first // frames == scenes.second // frames)[scenes.sure].all()
    grouped = group_scenes(dataset, scenes)
    assert len(set(grouped.groups)) <= 1.1 * patients
    assert share_apart(grouped, scenes) < 0.1 < share_apart(dataset, scenes)
    one_by_one = replace(dataset, labels=np.where(np.arange(len(dataset)) % 5, dataset.labels, 0))
    scenes = find_scenes(one_by_one, seen)
    assert scenes.widespread
    assert scenes.dissent > 0.1
    assert group_scenes(one_by_one, scenes) is one_by_one, "its images bear witness to each other"
    assert share_apart(one_by_one, scenes) == 0


def test_a_frame_that_differs_more_joins_its_nearest_and_no_two_scenes_are_joined() -> None:
    draw = np.random.default_rng(0)
    frame = np.repeat(draw.normal(size=(60, 40)), 3, axis=0)
    values = frame + np.tile([0.3, 0.3, 0.8], 60)[:, None] * draw.normal(size=frame.shape)
    scenes = find_scenes(samples(60, 3), Features(values=values.astype(np.float32), name="given"))
    assert scenes.widespread
    assert len(set(group_scenes(samples(60, 3, named=False), scenes).groups)) in range(60, 66)
    assert (scenes.first // 3 == scenes.second // 3)[scenes.sure].all()


def test_unrelated_images_are_no_scenes() -> None:
    dataset, seen = samples(240, 1), features(240, 1, 0.3)
    scenes = find_scenes(dataset, seen)
    assert scenes.share < 0.02
    assert group_scenes(dataset, scenes) is dataset
    assert share_apart(dataset, scenes) == 0
    assert find_siblings(dataset, outside(dataset, seen.values)) is None
    names, folder = tuple(map(str, range(240))), {"folder": ("all",) * 240}
    alone = replace(dataset, labels=np.arange(240), classes=names, extra=folder)
    assert find_siblings(alone, outside(alone, seen.values)) is None  # each is its class


def test_two_of_many_things_that_look_alike_are_no_scene_and_a_picture_taken_twice_is() -> None:
    """A kind of thing such as stop signs: all closer to each other than to the rest, going over into one another."""
    draw, values = np.random.default_rng(0), features(240, 1, 0.3).values.copy()
    values[:30] = values[0] + np.geomspace(0.3, 2, 30)[:, None] * draw.normal(size=(30, 40))
    values[100] = values[101] + 0.1 * draw.normal(size=40)
    dataset = samples(240, 1)
    scenes = find_scenes(dataset, Features(values=values, name="given"))
    assert not scenes.widespread
    assert (scenes.distance < CLOSE).sum() > 5
    found = zip(scenes.first[scenes.sure].tolist(), scenes.second[scenes.sure].tolist(), strict=True)
    assert list(found) == [(100, 101)]


def test_a_film_among_single_pictures_is_a_scene() -> None:
    values = features(240, 1, 0.3).values.copy()
    values[:12] = values[0] + 0.3 * np.random.default_rng(0).normal(size=(12, 40))
    scenes = find_scenes(samples(240, 1), Features(values=values, name="given"))
    assert not scenes.widespread
    assert set(scenes.first[scenes.sure]) | set(scenes.second[scenes.sure]) == set(range(12))


def test_copies_of_the_same_bytes_are_no_scenes() -> None:
    seen = features(120, 1, 0.3)
    twice = samples(120, 2)
    dataset = Samples(
        ids=twice.ids, labels=twice.labels, classes=CLASSES, digests=tuple(f"{row // 2:032x}" for row in range(240))
    )
    copied = Features(values=np.repeat(seen.values, 2, axis=0), name="given")
    assert find_scenes(dataset, copied).share == find_scenes(samples(120, 1), seen).share


@pytest.mark.parametrize(
    ("digests", "groups", "said"),
    [
        ("abbcde", "abbcde", "2 of 6 images have an identical copy with the same label"),
        ("abcdef", "aacdef", "2 of 6 images have a near-copy with the same label"),
        ("abbcde", "abbbde", "3 of 6 images have a near-copy with the same label or, 2 of them, an identical one"),
        ("aabbcd", "aabbcd", "4 of 6 images have an identical copy with the same label"),
    ],
)
def test_identical_copies_are_not_called_near_ones(digests: str, groups: str, said: str) -> None:
    dataset = replace(samples(6, 1), labels=np.array([0, 0, 0, 0, 1, 2]), digests=tuple(digests), groups=tuple(groups))
    notes = Alike(samples=dataset, findings=(), scenes=None, named=False).notes()
    assert notes[0] == said + ": such images are judged together, as one."


def test_few_samples_have_no_scenes() -> None:
    dataset = samples(3, 2)
    assert len(find_scenes(dataset, features(3, 2, 0.3)).first) == 0


def test_names_that_neighbours_share_are_named_with_what_to_type() -> None:
    dataset, seen = samples(60, 4), features(60, 4, 1.0)
    found = find_siblings(dataset, outside(dataset, seen.values))
    assert found is not None
    assert found.excess > 0.3 > found.expected
    assert "`group` 'name:([^/]+)[ _.-][0-9]+" in found.note()
    grouped = name_groups(dataset, [found.how])
    assert len(set(grouped.groups)) == 60
    assert find_siblings(grouped, outside(grouped, seen.values)) is None


def test_siblings_in_two_splits_are_counted() -> None:
    dataset, seen = samples(60, 4), features(60, 4, 1.0)
    splits = tuple("test" if row % 4 == 3 and row < 80 else "train" for row in range(len(dataset)))
    found = find_siblings(replace(dataset, splits=splits), outside(dataset, seen.values))
    assert found is not None
    assert found.across == 20
    assert "20 images have their name in another split too" in found.note()


def test_a_column_that_neighbours_share_is_named_and_a_source_is_not() -> None:
    dataset, seen = samples(60, 4, named=False), features(60, 4, 1.0)
    rows = range(len(dataset))
    columns = {"case": tuple(f"c{row // 4}" for row in rows), "scanner": tuple("AB"[row // 8 % 2] for row in rows)}
    dataset = Samples(ids=dataset.ids, labels=dataset.labels, classes=CLASSES, digests=dataset.digests, extra=columns)
    found = find_siblings(dataset, nearest(seen.values, k=1)[1][:, 0])
    assert found is not None
    assert found.how == "case"


def test_the_interval_starts_at_zero_and_ends_high_where_siblings_stay_outside_the_groups() -> None:
    tight = decision(240)
    dataset, seen = samples(60, 4), features(60, 4, 1.0)
    alike = group(dataset, seen)
    hedged, notes = alike.hedge(tight, outside(alike.samples, seen.values))
    assert hedged.noise_interval[0] == 0
    assert hedged.noise_interval[1] > 0.15
    assert "scan again with `group`" in notes[0]
    clear = group(samples(240, 1), features(240, 1, 0.3))
    assert clear.notes() == []
    assert clear.hedge(tight, outside(clear.samples, features(240, 1, 0.3).values)) == (tight, [])


def test_scenes_in_two_splits_are_counted_apart_from_leaks() -> None:
    dataset, seen = samples(60, 4, splits=True), features(60, 4, 0.3)
    found = scenes_across(dataset, find_scenes(dataset, seen), {dataset.ids[0]})
    assert {finding.kind for finding in found} == {"same_scene"}
    assert {finding.path for finding in found} == {dataset.ids[row] for row in range(4, 240, 4)}
    assert group(dataset, seen).findings
    assert scenes_across(samples(60, 4), find_scenes(dataset, seen), set()) == ()


def test_named_groups_in_two_splits_are_told_for_every_image_outside_of_training() -> None:
    dataset, seen = samples(60, 4, splits=True), features(60, 4, 2.0)
    grouped = name_groups(dataset, ["name:(patient[0-9]+)_"])
    for known in (None, seen):
        alike = group(grouped, known, named=True)
        found = {one.path: one for one in alike.findings if one.kind == "same_scene"}
        assert found.keys() == {dataset.ids[row] for row in range(0, 240, 4)}
        first = found["cat/patient0_0.png"]
        assert first.partner == "cat/patient0_1.png"
        assert first.detail == "in split 'test', but its group 'patient0' is in split 'train' too"
    alone = name_groups(samples(60, 4), ["name:(patient[0-9]+)_"])
    assert group(alone, None, named=True).findings == ()


def test_a_class_in_too_few_groups_is_said_not_to_be_judged() -> None:
    dataset = samples(12, 20, named=True)
    grouped = name_groups(dataset, ["name:(patient[0-9]+)_"])
    alike = group(grouped, None, named=True)
    assert alike.notes() == [
        "240 images in 12 groups: images of a group are not judged by one another.",
        "Cannot judge cat, dog, owl: fewer than 5 groups have images of each.",
    ]


def at_sites(*sites: str, copy: int) -> tuple[Samples, Features]:
    """Forty images of each site, of two classes that lie apart; the row ``copy`` looks as the second one does."""
    n = 40 * len(sites)
    values = np.float32(np.eye(2, 40)[np.arange(n) % 2] + 0.2 * np.random.default_rng(0).normal(size=(n, 40)))
    values[copy] = values[1]
    samples = Samples(
        ids=tuple(f"{row}.png" for row in range(n)),
        labels=np.arange(n) % 2,
        classes=("cat", "dog"),
        digests=tuple(f"{row:032x}" for row in range(n)),
        extra={"site": tuple(site for site in sites for _ in range(40))},
    )
    return samples, Features(values=values, name="given")


def test_copies_across_two_sites_do_not_make_one_group_of_them() -> None:
    dataset, seen = at_sites("left", "right", copy=79)
    alike = group(name_groups(dataset, ["site"]), seen, named=True)
    assert alike.samples.groups == dataset.extra["site"]
    assert "Near-copies across groups are" in alike.notes()[0]
    audit = audit_samples(dataset, ScanSettings(group=("site",), effort="quick"), features=seen)
    assert not audit.suspects.size


def test_groups_that_copies_join_are_counted_before_and_after() -> None:
    dataset, seen = at_sites("left", "middle", "right", copy=41)
    alike = group(name_groups(dataset, ["site"]), seen, named=True)
    assert alike.notes()[0].startswith("120 images in 2 groups, 3 before near-copies joined them: images of a group")
