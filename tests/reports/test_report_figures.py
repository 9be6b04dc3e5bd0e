"""The figures, the look-alikes and the pictures of a report."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from audits import CLASSES, make_audit, make_decision, make_samples
from pictures import photo
from report_pages import pictures

from labelaudit.data.images import decode, probe
from labelaudit.judge.belief import believe
from labelaudit.judge.decide import decide
from labelaudit.judge.memory import Memory
from labelaudit.judge.noise_model import NO_CLASS, UNKNOWN, NoiseModel
from labelaudit.reports import figures, html, thumbnails


def test_pictures_of_equal_content_are_held_once_and_small() -> None:
    images = pictures()
    samples = make_samples(images=images, digests=("a", "b", "a", "b", "c", "d"))
    drawn = thumbnails.draw(samples, images, {0: 96, 2: 96, 1: 96, 3: 72, 5: 96})
    assert len(drawn.files) == 4
    assert drawn.place[0] == drawn.place[2]
    assert drawn.place[1] != drawn.place[3]
    files = [base64.b64decode(file) for file in drawn.files]
    assert [probe(files[drawn.place[row]]) for row in (0, 3, 5)] == [(96, 64), (72, 48), (20, 16)]
    np.testing.assert_array_equal(decode(files[drawn.place[5]]), photo(5, 20, 16))


def test_look_alikes_are_the_nearest_right_ones_each_image_once(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    n = 60
    labels = generator.integers(0, 3, n)
    vectors = generator.normal(size=(n, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    memory = Memory(
        vectors=vectors.astype(np.float16),
        beliefs=np.ones((n, 1), dtype=np.float16),
        believed=labels[:, None],
        digests=np.array([f"{i // 2:032x}" for i in range(n)], dtype=np.bytes_),  # every image twice
        labels=labels,
        right=generator.random(n) < 0.7,
        scanned=np.ones(n, dtype=bool),
    )
    cosines = memory.vectors.astype(np.float32) @ memory.vectors.astype(np.float32).T
    for label in range(3):
        right = np.flatnonzero((labels == label) & memory.right)
        for row, found in zip(range(0, n, 3), memory.alike_all(np.arange(0, n, 3), label, 3), strict=True):
            best = right[np.argsort(-cosines[row, right], kind="stable")].tolist()
            once: dict[int, int] = {}
            for other in best:
                if other // 2 != row // 2:
                    once.setdefault(other // 2, other)
            assert found == tuple(once.values())[:3]
    monkeypatch.setattr("labelaudit.judge.memory.LOOKED_AT", 2)
    assert all(len(found) <= 2 for found in memory.alike_all(np.arange(9), 1, 3)), "some of a large class are looked at"


@pytest.mark.parametrize("classes", [2, 30, 31, 1000])
def test_heat_map_of_few_and_many_classes(classes: int) -> None:
    matrix = np.zeros((classes, classes))
    matrix[np.arange(classes), np.arange(classes)] = 50
    matrix[-1, 0], matrix[0, 1] = 9, 4
    names = tuple(f"c{i:04d}" for i in range(classes))
    probs = np.full((6, classes), 1 / classes, np.float32)
    audit = make_audit(
        samples=make_samples(classes=names, labels=np.array([0, classes - 1, 0, 0, 1, 1])),
        decision=make_decision(noise_matrix=matrix, probs=probs, predicted=np.array([0, 0, 0, 1, 1, 1])),
    )
    heat = figures.map_confusion(audit)
    assert len(heat.classes) == min(classes, 30)
    assert heat.left_out == max(0, classes - 30)
    assert heat.share == 1.0
    i, j = (heat.classes.index(c) for c in (classes - 1, 0))
    assert (heat.expected[i, j], heat.flagged[i, j], heat.level(i, j)) == (matrix[-1, 0], 1, 9)
    text = html.render(audit).text
    assert "c0000: 9.0 expected, 1 suspect</span>" in text
    assert text.count('<td class="same">') == min(classes, 30)
    assert (f"most confused of {classes:,} classes" in text) == (classes > 30)


def test_histogram_counts_everything_and_reaches_both_ends() -> None:
    suspicion = np.array([0.0, 1.0, 0.5, 0.99, 0.2, 0.2])
    audit = make_audit(decision=make_decision(suspicion=suspicion, is_issue=suspicion >= 0.2, threshold=0.2))
    histogram = figures.count_scores(audit)
    assert histogram.counts.sum() == 6
    assert histogram.counts[0] == 1
    assert histogram.counts[-1] == 2
    assert histogram.flagged.sum() == 5
    assert (histogram.height(0), histogram.height(int(histogram.counts.max()))) == (0.0, 1.0)
    assert histogram.height(1) > 0.2


def test_every_reason_has_its_kind() -> None:
    posterior = np.array([[0.1, 0.9, 0], [0.4, 0.5, 0.1], [0.2, 0.4, 0.4], [0.1, 0.9, 0], [0.1, 0.9, 0], [1, 0, 0]])
    noise = NoiseModel(weights={}, transition=np.full((3, 3), 1 / 3), probs=posterior, posterior=posterior, loss=0.0)
    known = np.array([UNKNOWN, UNKNOWN, UNKNOWN, 1, NO_CLASS, UNKNOWN])
    labels, counts = np.zeros(6, int), np.full(3, 9)
    decision = decide(believe(noise, labels, digests=[*"abcdef"], counts=counts, known=known), CLASSES)
    assert [figures.kind_of(reason) for reason in decision.reasons[:5]] == [
        *("looks like another class", "ambiguous between two classes", "fits no class well"),
        *("reviewed by people", "reviewed by people"),
    ]
    copied = decide(believe(noise, np.array([0, 1, 0, 0, 0, 0]), digests=[*"aabcde"], counts=counts), CLASSES)
    assert {figures.kind_of(reason) for reason in copied.reasons[:2] if reason} == {"same image, another label"}
