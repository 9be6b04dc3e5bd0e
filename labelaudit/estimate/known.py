"""What a review teaches the next scan: the rows whose true class is known.

A row with a class goes into training under that class, and into the noise channel as known; a row of `NO_CLASS` is of
no class of the dataset and trains nothing. Whoever uses them must judge each such row by models and a channel that were
not told *its own* verdict, or its flag repeats the reviewer and says nothing about the scan (`estimate` refuses to take
precision and recall from such flags). Left out: verdicts in dispute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from labelaudit.document import Audit

if TYPE_CHECKING:
    from labelaudit.verdicts import Reviewed

NO_CLASS = -2
"""Label of a row that a person found to belong to no class; -1 is `labelaudit.channel.UNKNOWN`."""


def known_labels(reviewed: Reviewed, audit: Audit) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Verified rows and their true classes.

    Returns:
        rows (m,) ascending, and labels (m,): index into the audit's classes, or `NO_CLASS`.

    >>> from labelaudit.verdicts import Reviewed
    >>> [part.tolist() for part in known_labels(Reviewed(), None)]
    [[], []]
    """
    rows = np.array(sorted(reviewed.settled), dtype=np.int64)
    if not len(rows):
        return rows, rows.copy()
    index = {name: code for code, name in enumerate(audit.samples.classes)}
    right = (reviewed.settled[row].right for row in rows.tolist())
    return rows, np.array([NO_CLASS if name is None else index[name] for name in right], dtype=np.int64)
