"""A ceiling for recall: the share of planted errors that the scan's own evidence brings over its threshold.

Labels of some trusted samples are changed in a copy, uniformly or to the look-alike class, and the noise model is
fitted again to the copy. The models stay frozen: they were trained on the labels as given, not on the planted ones, so
that nothing they learned is spoilt. Planted errors are easier than people's (people err where images are ambiguous;
measured on CIFAR-10N: .90 planted, .55 real), and frozen models make them easier still. The number is an upper bound
on what to hope for, and a smoke alarm where even it is low; it is never an estimate of recall. Left out: retraining,
which costs a scan and would still be a ceiling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.audit.document import Audit
from labelaudit.errors import DataError
from labelaudit.judge.noise_fit import fit_noise_model
from labelaudit.judge.scores import strongest_other
from labelaudit.leading import Table
from labelaudit.types import Ints

KINDS = ("uniform", "look_alike")
CAVEAT = (
    "A ceiling, not an estimate: planted errors are easier to find than people's, and the models were not trained "
    "again with them."
)
_SHARE, _MOST, _ROWS = 0.05, 1_000, 20_000
_ALARM = 0.7


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """Recall that planted errors of one kind reach: more than real errors will."""

    kind: str
    """``uniform``: any other class; ``look_alike``: the class that the noise matrix confuses it with."""
    planted: int
    ceiling: float
    """Share of the planted that is flagged."""
    low: float
    high: float
    """90 % interval (Jeffreys)."""


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """Ceilings for recall."""

    ceilings: tuple[Ceiling, ...]
    caveat: str = CAVEAT
    alarm: str = ""
    """A warning where the ceiling is low."""

    def record(self) -> dict[str, Any]:
        """As JSON-able values; every name says ceiling."""
        return {
            "recall_ceilings": [asdict(ceiling) for ceiling in self.ceilings],
            "caveat": self.caveat,
            "alarm": self.alarm,
        }


def selftest(audit: Audit, *, seed: int = 0) -> SelfTest:
    """Plant errors in a copy of the labels and judge them by the audit's frozen evidence.

    At most 20,000 samples take part; one in twenty of them is planted, among those judged and not flagged.

    Args:
        audit: with decision; the more evidence with probabilities it kept, the nearer to the scan.
        seed: same audit and seed, same result.

    Raises:
        DataError: fewer than 20 samples are judged and not flagged, or there is only one class.
    """
    from scipy.stats import beta

    rng = np.random.default_rng([seed, 7])
    n = len(audit.samples)
    rows = np.sort(rng.choice(n, min(n, _ROWS), replace=False))
    decision, labels = audit.decision, audit.samples.labels[rows]
    trusted = np.flatnonzero(decision.judged[rows] & ~decision.is_issue[rows])
    if len(trusted) < 20 or len(audit.samples.classes) < 2:
        raise DataError(f"a self-test needs 20 unflagged images of two classes; there are {len(trusted)}")
    models = {name: probs[rows] for name, probs in frozen_models(audit).items()}
    count = max(10, min(_MOST, int(_SHARE * len(trusted))))
    ceilings = []
    for kind in KINDS:
        places = rng.choice(trusted, count, replace=False)
        planted = labels.copy()
        planted[places] = _flip(audit, rows[places], kind, rng)
        fitted = fit_noise_model(models, planted)
        suspicion = 1 - fitted.posterior[places, planted[places]]
        hits = int((suspicion >= decision.threshold).sum())
        low, high = beta.ppf([0.05, 0.95], hits + 0.5, count - hits + 0.5).tolist()
        ceilings.append(Ceiling(kind=kind, planted=count, ceiling=hits / count, low=low, high=high))
    worst = min(ceiling.ceiling for ceiling in ceilings)
    alarm = f"Even planted errors are found in {worst:.0%} of the cases only: the evidence is too weak to rely on."
    return SelfTest(ceilings=tuple(ceilings), alarm=alarm if worst < _ALARM else "")


def frozen_models(audit: Audit) -> Mapping[str, Table]:
    """The held-out probabilities (n, C) that the audit kept, of the models in its pool; else its posterior."""
    pool = audit.decision.recipe.get("pool_weights", {})
    kept: dict[str, Table] = {name: found.probs for name, found in audit.evidence.items() if found.probs is not None}
    return {name: probs for name, probs in kept.items() if name in pool} or kept or {"scan": audit.decision.probs}


def _flip(audit: Audit, rows: Ints, kind: str, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """(m,) another class for each of ``rows``."""
    own, classes = audit.samples.labels[rows], len(audit.samples.classes)
    places = np.arange(len(rows))
    if kind == "uniform":
        weights = np.ones((len(rows), classes))
    else:
        weights = np.array(audit.decision.noise_matrix, dtype=np.float64).T[own]  # (m, C): given labels of true class
        weights[places, own] = 0
        rival = strongest_other(own, audit.decision.probs[rows])
        none = weights.sum(axis=1) < 1e-9
        weights[none, rival[none]] = 1
    weights[places, own] = 0
    below = np.cumsum(weights, axis=1) <= rng.random((len(rows), 1)) * weights.sum(axis=1, keepdims=True)
    return np.asarray(np.minimum(below.sum(axis=1), classes - 1), dtype=np.int64)
