"""CIFAR-100's twenty superclasses: which fine class belongs to which, and noise inside them.

Krizhevsky, "Learning multiple layers of features from tiny images", 2009. Fine classes are numbered in the order of
their names, as in the dataset itself. SN's text exchanges classes of one superclass; its released code, and the presets
``spectral-cifar100-flip-…``, take blocks of five class numbers instead.
"""

from __future__ import annotations

import numpy as np

from labelaudit.corrupt import noise
from labelaudit.errors import OptionError
from labelaudit.types import Ints

SUPERCLASSES = (
    *(4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7),
    *(6, 13, 15, 3, 15, 0, 11, 1, 10, 12, 14, 16, 9, 11, 5, 5, 19, 8, 8, 15, 13, 14, 17, 18, 10),
    *(16, 4, 17, 4, 2, 0, 17, 4, 18, 17, 10, 3, 2, 12, 12, 16, 12, 1, 9, 19, 2, 10, 0, 1, 16),
    *(12, 9, 13, 15, 13, 16, 19, 2, 4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0, 17, 8, 14, 13),
)
"""(100,) superclass of each fine class."""


def next_in_superclass(labels: Ints, classes: int, rate: float, *, generator: np.random.Generator) -> noise.NoisyLabels:
    """A share of ``rate`` of every class gets the next class of its superclass, the last one the first.

    >>> made = next_in_superclass(np.zeros(10, int), 100, 0.5, generator=np.random.default_rng(0))
    >>> sorted(set(made.labels.tolist()))  # apples become mushrooms
    [0, 51]
    """
    if classes != len(SUPERCLASSES):
        raise OptionError(f"superclasses are those of CIFAR-100's 100 classes, not of {classes}")
    following: dict[int, int] = {}
    for superclass in range(20):
        members = [fine for fine, own in enumerate(SUPERCLASSES) if own == superclass]
        following |= dict(zip(members, [*members[1:], members[0]], strict=True))
    return noise.asymmetric(labels, classes, rate, following, generator=generator)
