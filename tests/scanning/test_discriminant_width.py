"""The discriminant of a scan sees the leading components of all backbones, more where there are more samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labelaudit.judge import probes
from labelaudit.leading import Table
from labelaudit.scanning.closed_forms import fit_all
from labelaudit.scanning.components import Components
from labelaudit.scanning.unfinished import Unfinished
from labelaudit.types import Features, Ints

CLASSES = 4


def _components(n: int, width: int) -> tuple[Components, Ints]:
    """Two backbones' features of ``n`` images, in which a few of ``width`` directions tell the classes apart."""
    draw = np.random.default_rng(0)
    labels = np.arange(n) % CLASSES
    signal = draw.normal(0, 0.3, (CLASSES, 2 * width))[labels] * (np.arange(2 * width) % width < 8)
    fading = 1 / np.sqrt(1 + np.arange(2 * width) % width / 8)
    values = (signal + draw.normal(size=(n, 2 * width)) * fading).astype(np.float32)
    features = Features(values=values, name="given", blocks=(width, width))
    rotations = probes.find_rotations(features)
    parts = zip(rotations, probes.split_blocks(features), strict=True)
    blocks = tuple(rotation.apply(block) for rotation, block in parts)
    none = np.zeros((n, 0), dtype=np.int64)
    return Components(
        features=features,
        content="",
        rotations=rotations,
        blocks=blocks,
        order=np.arange(n),
        similarities=none.astype(np.float64),
        rows=none,
    ), labels


def _discriminate(components: Components, labels: Ints) -> Table:
    n = len(labels)
    how = {"groups": np.arange(n), "fold_of": np.arange(n) // CLASSES % 5}
    return fit_all(components, labels, CLASSES, Unfinished(None), **how).discriminant


@pytest.mark.parametrize(("n", "seen"), [(400, probes.NARROW), (2400, 2400 // probes.SAMPLES_EACH)])
def test_what_lies_beyond_the_leading_components_is_left_out(n: int, seen: int) -> None:
    components, labels = _components(n, 200)
    half = seen // 2
    led = replace(components, blocks=tuple(block * (np.arange(200) < half) for block in components.blocks))
    less = replace(components, blocks=tuple(block * (np.arange(200) < half - 1) for block in components.blocks))
    whole = np.asarray(_discriminate(components, labels))
    assert np.array_equal(whole, np.asarray(_discriminate(led, labels)))
    assert not np.array_equal(whole, np.asarray(_discriminate(less, labels)))
