"""Measures how well a score tells wrong labels from right ones, where it is known which are wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.judge.scores import chance_of_more
from labelaudit.types import Bools


def auroc(suspicion: npt.NDArray[Any], wrong: Bools) -> float | None:
    """Chance that a wrong label is more suspicious than a right one, ties half; ``None`` where one kind is missing.

    ``suspicion`` (n,), higher = more suspicious; ``wrong`` (n,). Also ``None`` where a suspicion is not finite.

    >>> auroc(np.array([3.0, 3.0, 1.0]), np.array([True, False, False]))
    0.75
    """
    if wrong.all() or not wrong.any() or not np.isfinite(suspicion).all():
        return None
    return chance_of_more(suspicion, wrong)
