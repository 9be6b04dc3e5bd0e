"""Whether labels refute a noise model: the pool, which knows of no errors, predicts them better.

Where models can hardly see the classes, little is left for most labels, and the noise model explains that by errors. On
labels that it was not fitted to it then loses to the pool; with even errors, however many, it does not. Half of its
errors are spread evenly before, or its many cells would lose by a few labels that stand for none of them. Left out:
sets whose classes models see.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from labelaudit.judge.learning_curve import deal
from labelaudit.judge.noise_fit import fit_noise_model
from labelaudit.judge.noise_model import apply_noise_model, likelihoods
from labelaudit.judge.pool import gain_of, pool
from labelaudit.leading import Table, take_rows
from labelaudit.types import Floats, Ints

_ERRORS = 2.5  # standard errors by which it has to lose: by 2.4 to 8 on sets of two such kinds, others by less
_PARTS = 5
_EVEN = 0.5  # share of its errors that are spread evenly
_LEAST = 1e-12  # probability of a label that both are compared with


def is_refuted(models: Mapping[str, Table], labels: Ints, *, groups: Ints) -> bool:
    """Whether the pool of ``models``, name -> (n, C), gives ``labels`` (n,) a higher likelihood than a noise model of
    the same, both fitted to four fifths of the set and compared on the rest.

    ``groups`` (n,) are as of `measure_gain`. Give samples in an order that means nothing.
    """
    gains: Floats = np.zeros(len(labels))
    part_of = deal(labels, np.unique(groups, return_inverse=True)[1], _PARTS)
    for part in np.unique(part_of):
        held, others = np.flatnonzero(part_of == part), np.flatnonzero(part_of != part)
        learned, seen = ({name: take_rows(probs, some) for name, probs in models.items()} for some in (others, held))
        fitted = fit_noise_model(learned, labels[others], groups=groups[others])
        told = apply_noise_model(
            fitted.weights,
            _spread(fitted.transition),
            seen,
            None,
            slope=fitted.slope,
            mean_difficulty=fitted.mean_difficulty,
        )
        by_pool = pool(models, labels, counted=part_of != part).probs[held, labels[held]]
        for by, sign in ((likelihoods(told, labels[held]), 1), (by_pool, -1)):
            gains[held] += sign * np.log(np.maximum(by, _LEAST))
    gain = gain_of(gains, groups)
    return gain.nats < -_ERRORS * gain.error


def _spread(transition: Floats) -> Floats:
    """``transition`` (C, C) with half of the errors of each class spread over all others.

    >>> _spread(np.array([[0.8, 0.2, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))[0]
    array([0.8 , 0.15, 0.05])
    """
    right = np.diag(np.diagonal(transition))
    errors = (1 - _EVEN) * (transition - right)
    errors += _EVEN * (1 - np.diagonal(transition))[:, None] / max(len(transition) - 1, 1)
    np.fill_diagonal(errors, 0)
    return np.asarray(right + errors)
