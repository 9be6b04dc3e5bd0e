"""Plain cross-entropy: the reference that every robust method must beat.

Suspicion: ranks of the held-out cross-entropy of the given label, averaged over epochs. Column ``margin`` is AUM's
mean margin (Pleiss et al. 2020), held out or in-sample, with its sign turned: higher = more suspicious.
"""

from __future__ import annotations

from dataclasses import dataclass

from labelaudit.methods._interface import Method


@dataclass(kw_only=True)
class CrossEntropy(Method):
    """-log p_y."""
