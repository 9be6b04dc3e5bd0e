"""Prior from the source of labels: an annotator, a batch or a folder whose labels are wrong more often than others.

For each value v of an attribute the odds of an error are multiplied by a factor r_v, which changes the probability of
the given label of a sample by (1 - s + r_v s) / (1 - e + r_v e), s being its suspicion and e the mean one of the labels
of its class: labels of a hard class are doubted more, wherever they come from, and file names may begin with the class.
r_v maximises the product of these over the samples of v, with log r_v ~ N(0, 1), and each sample's is fitted without
its fold. Members of a group count together as one sample. An attribute is used only where the held-out likelihood gains
by more than twice its standard error. Left out: several attributes at once, and sources that confuse other classes than
the rest do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labelaudit.blocks import blocks_of
from labelaudit.leading import Table, take_rows
from labelaudit.names import number_names
from labelaudit.types import Floats, Ints

LEAST_GAIN = 3.0
"""Nats that an attribute must add to the held-out log-likelihood of all labels, besides twice its standard error."""
_FOLDS = 5
_FACTORS = np.exp(np.linspace(-4, 4, 65))
_PULL = 0.5 * np.log(_FACTORS) ** 2


@dataclass(frozen=True, kw_only=True)
class SourcePrior:
    """An attribute whose values have error rates of their own."""

    attribute: str
    factors: Mapping[str, float]
    """Value -> what the odds of a wrong label are multiplied by."""
    gain: float
    """Nats that it adds to the held-out log-likelihood of all labels."""

    def note(self) -> str:
        """A sentence about it."""
        value, factor = max(self.factors.items(), key=lambda one: one[1])
        return (
            f"How often labels are wrong depends on {self.attribute}: where it is '{value}' the odds are "
            f"{factor:.1f} times as high. The held-out labels are more likely with this than without."
        )


def weigh_sources(
    posterior: Table, labels: Ints, attributes: Mapping[str, Sequence[str]], *, groups: Sequence[str]
) -> tuple[Table, SourcePrior | None]:
    """The ``posterior`` (n, C) with the best of the ``attributes`` as prior, or as it was where none is earned.

    Args:
        posterior: (n, C) probability of each true class, the given label counted in.
        labels: (n,) given labels.
        attributes: name -> (n,) value.
        groups: (n,) members of a group share a fold, and count as one sample.
    """
    if not attributes:
        return posterior, None
    rows = np.arange(len(labels))
    suspicion = np.clip(1 - posterior[rows, labels].astype(np.float64), 0, 1)
    group = number_names(groups).code
    size = np.bincount(group)
    share = 1 / size[group]
    mean = (np.bincount(labels, share * suspicion) / np.maximum(np.bincount(labels, share), 1e-12))[labels]
    fold_of = np.random.default_rng(0).permutation(len(size))[group] % _FOLDS
    best: tuple[float, str, Floats] | None = None
    for name, values in attributes.items():
        factor = _cross_fit(suspicion, values, fold_of, share, mean)
        gains = np.bincount(group, share * _gain(suspicion, factor, mean))
        total, error = float(gains.sum()), float(gains.std() * np.sqrt(len(gains)))
        if total > max(LEAST_GAIN, 2 * error) and (best is None or total > best[0]):
            best = total, name, factor
    if best is None:
        return posterior, None
    gain, name, factor = best
    weighed = take_rows(posterior, rows)
    for some in blocks_of(posterior):
        own = np.arange(len(labels[some])), labels[some]
        block = posterior[some] * factor[some, None]
        block[own] = posterior[some][own]
        weighed[some] = block / np.maximum(block.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    names, code = np.unique(np.asarray(attributes[name]), return_inverse=True)
    factors = {str(value): float(np.exp(np.log(factor[code == number]).mean())) for number, value in enumerate(names)}
    return weighed, SourcePrior(attribute=name, factors=factors, gain=gain)


def _cross_fit(suspicion: Floats, values: Sequence[str], fold_of: Ints, share: Floats, mean: Floats) -> Floats:
    """(n,) factor of each sample's value, fitted to the samples of other folds, each counted by its ``share``."""
    names, code = np.unique(np.asarray(values), return_inverse=True)
    place, shape = fold_of * len(names) + code, (_FOLDS, len(names))
    gains = (share * _gain(suspicion, factor, mean) for factor in _FACTORS)
    sums = np.stack([np.bincount(place, gain, minlength=_FOLDS * len(names)).reshape(shape) for gain in gains], axis=2)
    others = sums.sum(axis=0) - sums  # (folds, values, factors)
    return np.asarray(_FACTORS[(others - _PULL).argmax(axis=2)][fold_of, code])


def _gain(suspicion: Floats, factor: Floats, mean: Floats) -> Floats:
    """Nats that each ``factor`` adds to the log-likelihood of a label of this ``suspicion``, whose ``mean`` is e."""
    return np.asarray(np.log1p(suspicion * (factor - 1)) - np.log1p(mean * (factor - 1)))
