"""A small judge with the samples and the decision that it was fitted to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelaudit.judge import probes
from labelaudit.judge.belief import believe
from labelaudit.judge.consensus import agree
from labelaudit.judge.decide import decide
from labelaudit.judge.judge import CLOSED_FORMS, Judge
from labelaudit.judge.learning_curve import measure
from labelaudit.judge.noise_fit import fit_noise_model
from labelaudit.judge.noise_model import UNKNOWN
from labelaudit.judge.vectors import reduce_blocks
from labelaudit.types import Decision, Features, Samples

CLASSES = ("ant", "bee", "cat", "dog")
WIDTHS = (24, 16)


def draw(n: int, seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Features, true and given labels of four overlapping classes, 10 % of the labels flipped."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, n)
    centers = np.random.default_rng(99).normal(0, 0.7, (4, sum(WIDTHS)))
    x = (centers[truth] + rng.normal(size=(n, sum(WIDTHS)))).astype(np.float32)
    given = np.where(rng.random(n) < 0.1, (truth + rng.integers(1, 4, n)) % 4, truth)
    return x, truth, given


def features(values: npt.NDArray[np.float32], **changes: object) -> Features:
    return Features(**{"values": values, "name": "toy@8", "blocks": WIDTHS, "version": "00c0ffee", **changes})  # type: ignore[arg-type]


def audited(n: int = 600) -> tuple[Samples, Decision, Features, Judge]:
    x, _, given = draw(n, 0)
    digests = tuple(f"{i % (n - 1):032x}" for i in range(n))  # the last is a copy of the first
    samples = Samples(ids=tuple(f"s{i}" for i in range(n)), labels=given, classes=CLASSES, digests=digests)
    described = features(x)
    rotations = probes.find_rotations(described)
    blocks = probes.principal_blocks(described)
    x = reduce_blocks(described, rotations, blocks)
    closed = {name: fit(x, given, 4) for name, fit in CLOSED_FORMS.items()}
    models = {name: held.probs for name, held in closed.items()}
    fitted = fit_noise_model(models, given)
    known = np.full(n, UNKNOWN)
    consensus = agree(models, fitted, given, known=known, curve=measure(x, given, 4))
    decision = decide(believe(consensus.answer, given, digests=digests), CLASSES, reading=consensus.reading)
    judge = Judge.fit(samples, decision, described, rotations=rotations, blocks=blocks, closed=closed)
    return samples, decision, described, judge


SAMPLES, DECISION, DESCRIBED, JUDGE = audited()
