"""Plain cross-entropy: the reference that every robust method must beat.

Suspicion: ranks of AUM's mean margin (Pleiss et al. 2020) with its sign turned, over the epochs and the fits that
trained on the sample. ``loss`` is the cross-entropy of the given label averaged in the same way; both are there held
out too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from labelaudit.methods._interface import Method, Recipe


@dataclass(kw_only=True)
class CrossEntropy(Method):
    """-log p_y, stopped early: the best that plain training does as a reference."""

    recipes: ClassVar[Mapping[str, Recipe]] = {
        "features": Recipe(epochs=8, batch=256, lr=1e-3),
        "pixels": Recipe(epochs=6, batch=64, lr=2e-3),
    }
