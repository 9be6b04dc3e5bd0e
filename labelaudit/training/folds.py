"""Assigns samples to folds: stratified by class, identical images kept together.

A copy of an image in the training folds would give its label away, so samples with equal content digest share a fold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelaudit.names import Numbered, number_names
from labelaudit.types import Ints


def stratified_folds(labels: Ints, folds: int, *, seed: int, digests: Sequence[str] | None = None) -> Ints:
    """(n,) fold in [0, folds) of each sample.

    Class counts inside the folds differ by at most one (by more only where copies must stay together); classes with
    fewer members than folds appear in some folds only. Deterministic for a seed.

    >>> sorted(stratified_folds(np.array([0, 0, 0, 1]), 2, seed=0).tolist())
    [0, 0, 1, 1]
    """
    n = len(labels)
    alone = np.arange(n)
    return fold_names(Numbered(alone, alone) if digests is None else number_names(digests), labels, folds, seed=seed)


def fold_names(numbered: Numbered, labels: Ints, folds: int, *, seed: int) -> Ints:
    """`stratified_folds` of samples whose digests are ``numbered`` by `number_names`; of a group that holds several
    classes the first row's counts, so that the rows must stand in an order of their own."""
    first, group = numbered
    shuffled = np.random.default_rng(seed).permutation(len(first))
    by_class = shuffled[np.argsort(labels[first][shuffled], kind="stable")]
    fold_of = np.empty(len(first), dtype=np.int64)
    fold_of[by_class] = np.arange(len(first)) % max(1, min(folds, len(first)))
    return fold_of[group]
