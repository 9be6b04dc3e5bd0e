"""The model that both ways of labelling train, and how it is judged.

Left out: anything that is trained by gradient; a closed form is the same on every machine and takes a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelaudit.audit.document import Audit
from labelaudit.clean import CorrectionPlan
from labelaudit.clean.dataset import cleaned
from labelaudit.impact.truth import Truth
from labelaudit.judge.probes import Rotation, find_rotations, fit_discriminant, onehot, split_blocks
from labelaudit.training.folds import stratified_folds
from labelaudit.types import Bools, Features, Floats, Progress, no_progress

FOLDS = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Training:
    """One way to label the same samples: (n, C) responsibilities, a row of zeros where a sample is left out."""

    shares: Floats

    @property
    def samples(self) -> int:
        """Number of samples in it."""
        return int((self.shares.sum(axis=1) > 0).sum())


def label_twice(audit: Audit, plan: CorrectionPlan) -> tuple[Training, Training]:
    """Given and cleaned labels as responsibilities over the audit's classes; other classes are left out."""
    samples = audit.samples
    dataset, _ = cleaned(audit, plan)
    code = {name: number for number, name in enumerate(samples.classes)}
    given = onehot(samples.labels, len(samples.classes))
    after = np.zeros_like(given)
    weights = dataset.weights or (1.0,) * len(dataset)
    for row, label, weight in zip(dataset.rows, dataset.labels, weights, strict=True):
        if label in code:
            after[row, code[label]] = weight
    return Training(shares=given), Training(shares=after)


def judge_trainings(
    features: Features,
    ways: tuple[Training, Training],
    test: Truth,
    further: Features | None,
    *,
    digests: Sequence[str],
    seeds: int,
    seed: int = 0,
    progress: Progress = no_progress,
) -> tuple[Bools, Bools]:
    """For both ``ways`` (S, m): whether the model of each seed is right about each test image.

    Test images that are training samples are judged by the models of the folds that they, and their copies, are not in.
    Both ways share folds, seeds and weights.
    """
    rotations = find_rotations(features)
    x = _project(features, rotations)
    correct = np.zeros((2, seeds, len(test.labels)), dtype=np.bool_)
    if test.rows is None:
        assert further is not None
        parts = [(np.ones(len(x), dtype=np.bool_), np.arange(len(test.labels)), _project(further, rotations))]
    else:
        fold_of = stratified_folds(ways[0].shares.argmax(axis=1), FOLDS, seed=seed, digests=digests)
        mine = fold_of[test.rows]
        parts = [
            (fold_of != fold, np.flatnonzero(mine == fold), x[test.rows[mine == fold]]) for fold in np.unique(mine)
        ]
    done, total = 0, seeds * len(parts) * 2
    for number in range(seeds):
        luck = np.random.default_rng([seed, number]).exponential(size=len(x)).astype(np.float32)
        for train, places, judged in parts:
            for way, training in enumerate(ways):
                shares = training.shares * (luck * train)[:, None]
                rows = np.flatnonzero(shares.any(axis=1))
                probs = fit_discriminant(x[rows], shares[rows]).apply(judged)
                correct[way, number, places] = probs.argmax(axis=1) == test.labels[places]
                done += 1
                progress("training models", done, total)
    return correct[0], correct[1]


def _project(features: Features, rotations: Sequence[Rotation]) -> npt.NDArray[np.float32]:
    blocks = (part.apply(block) for part, block in zip(rotations, split_blocks(features), strict=True))
    return np.concatenate(list(blocks), axis=1)
