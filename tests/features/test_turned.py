"""Copies that were turned by quarters or flipped are found, and images that only resemble each other are not."""

from __future__ import annotations

import numpy as np
import pytest
from features.test_duplicates import dataset, features_of, recompress, scene
from PIL import Image

from labelaudit.context.alike import find_alike
from labelaudit.data.images import decode, encode
from labelaudit.features import turned
from labelaudit.features.duplicates import find_pairs
from labelaudit.features.neighbors import nearest
from labelaudit.features.turned import find_turned
from labelaudit.machine import Machine
from labelaudit.types import Features, Ints

POSITIONS = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_TOP_BOTTOM)
SCENES = [scene(seed) for seed in range(24)]


def turn(data: bytes, how: Image.Transpose) -> bytes:
    return encode(np.asarray(Image.fromarray(decode(data)).transpose(how)))


def beside(first: Features) -> Features:
    """Features of each image and of its copy, which are somewhat alike."""
    noise = np.random.default_rng(1).normal(size=first.values.shape) * first.values.std()
    return Features(values=np.concatenate([first.values, first.values + noise]).astype(np.float32), name="test")


def near(features: Features) -> Ints:
    """(n, k) the rows nearest to each."""
    return nearest(features.values, k=36)[1]


@pytest.mark.parametrize("how", POSITIONS)
def test_a_turned_copy_is_found_and_is_in_the_group_of_its_image(how: Image.Transpose) -> None:
    files = [*SCENES, *(turn(data, how) for data in SCENES)]
    samples, features = dataset(files, [row % 2 for row in range(48)]), beside(features_of(SCENES))
    assert not len(find_pairs(samples, features).first)
    found = find_turned(samples, features, near(features))
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [(row, row + 24) for row in range(24)]
    grouped = find_alike(samples, features, Machine(), near=near(features)).samples
    assert grouped.groups[:24] == grouped.groups[24:]
    assert len(set(grouped.groups)) == 24


def test_of_few_images_a_turned_copy_is_found_wherever_its_features_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [*SCENES, *(turn(data, POSITIONS[0]) for data in SCENES)]
    samples = dataset(files, [row % 2 for row in range(48)])
    far = Features(values=np.random.default_rng(0).normal(0, 1, (48, 64)).astype(np.float32), name="test")
    assert find_turned(samples, far, near(far)).second.tolist() == list(range(24, 48))
    monkeypatch.setattr(turned, "ALL_PAIRS", 0)
    assert len(find_turned(samples, far, near(far)).first) < 12


def test_an_image_that_is_as_much_alike_upright_is_not_turned() -> None:
    """Each picture is nearly the same on its head, and so is the other one, which is a little changed."""
    both = [(decode(data).astype(np.float64) + decode(data)[::-1, ::-1]) / 2 for data in SCENES]
    other = [0.97 * one[::-1, ::-1] + 0.03 * decode(scene(100 + row)) for row, one in enumerate(both)]
    files = [encode((one + 0.03 * one[:, ::-1]).clip(0, 255).astype(np.uint8)) for one in (*both, *other)]
    samples, features = dataset(files, [0] * 48), beside(features_of(SCENES))
    assert not len(find_turned(samples, features, near(features)).first)


def test_a_turned_copy_under_another_label_may_be_something_else() -> None:
    files = [*SCENES, *(turn(data, POSITIONS[1]) for data in SCENES)]
    samples, features = dataset(files, [row // 24 for row in range(48)]), beside(features_of(SCENES))
    assert not len(find_turned(samples, features, near(features)).first)


def test_a_turned_copy_in_another_split_is_a_leak() -> None:
    files = [*SCENES, *(turn(data, POSITIONS[0]) for data in SCENES)]
    samples = dataset(files, [0] * 48, splits=("train",) * 24 + ("test",) * 24)
    features = beside(features_of(SCENES))
    findings = find_alike(samples, features, Machine(), near=near(features)).findings
    assert len([one for one in findings if one.kind == "leak"]) == 24


def test_images_of_their_own_and_upright_copies_are_not_turned() -> None:
    files = [*SCENES, *(recompress(data, mirror=True) for data in SCENES)]
    samples, features = dataset(files, [0] * 48), features_of(files)
    assert not len(find_turned(samples, features, near(features)).first)
    pairs = find_pairs(samples, features)
    assert pairs.join(find_turned(samples, features, near(features))).first.tolist() == pairs.first.tolist()
    assert pairs.join(pairs).second.tolist() == pairs.second.tolist()
