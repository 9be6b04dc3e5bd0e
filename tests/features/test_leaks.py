"""The same image in two splits: equal bytes, near-same, with partner, in the pass that finds conflicts."""

from __future__ import annotations

import numpy as np
from test_duplicates import SCENES, dataset, features_of, near_duplicates, recompress

from labelaudit.features.duplicates import conflicts, find_copies, find_pairs, find_unlike_pairs, leaks
from labelaudit.machine import Machine
from labelaudit.types import Samples


def test_the_same_bytes_in_two_splits() -> None:
    samples = dataset([SCENES[0], SCENES[1], SCENES[0]], [0, 1, 0], splits=("test", "train", "train"))
    (finding,) = leaks(samples)
    assert (finding.kind, finding.path, finding.partner) == (
        "leak",
        "000.png",
        "002.png",
    )  # the test image, not train's
    assert finding.detail == "in split 'test', but the same bytes as '002.png' in split 'train'"


def test_every_sample_of_a_leaking_group_is_named() -> None:
    files = [SCENES[0]] * 4 + [SCENES[1]] * 2
    samples = dataset(files, [0] * 6, splits=("train", "train", "val", "test", "val", "val"))
    found = leaks(samples)
    assert {path for finding in found for path in (finding.path, finding.partner)} == {
        f"{row:03d}.png" for row in range(4)
    }
    splits = dict(zip(samples.ids, samples.splits or (), strict=True))
    assert all(splits[finding.path] != splits[finding.partner] for finding in found)


def test_nearly_the_same_image_in_two_splits_whatever_the_labels() -> None:
    files = [*SCENES, recompress(SCENES[3]), recompress(SCENES[5]), recompress(SCENES[7])]
    splits = ("train",) * 20 + ("test", "test", "train")
    samples = dataset(files, [0] * 20 + [0, 1, 0], splits=splits)
    pairs = find_pairs(samples, features_of(files))
    found = {(finding.path, finding.partner) for finding in leaks(samples, pairs)}
    assert found == {("020.png", "003.png"), ("021.png", "005.png")}


def test_no_splits_no_leaks() -> None:
    assert leaks(dataset([SCENES[0]] * 2, [0, 1])) == ()


def test_one_pass_finds_what_three_find() -> None:
    files = [*SCENES, recompress(SCENES[3]), recompress(SCENES[5], mirror=True), SCENES[6], SCENES[7]]
    labels = [0] * 20 + [1, 0, 1, 0]

    def three(samples: Samples) -> list[object]:
        pairs = find_pairs(samples, features)
        return [*conflicts(samples), *near_duplicates(samples, features), *leaks(samples, pairs)]

    features = features_of(files)
    split = dataset(files, labels, splits=tuple(np.resize(["train", "test", "val"], 24).tolist()))
    for samples in (split, dataset(files, labels)):
        assert list(find_copies(samples, find_unlike_pairs(samples, features, Machine()))) == three(samples)
        exact = find_copies(samples)
        assert exact == conflicts(samples) + leaks(samples)
    nearly = find_unlike_pairs(split, features, Machine())
    assert {finding.kind for finding in find_copies(split, nearly)} == {"conflict", "near_duplicate", "leak"}
