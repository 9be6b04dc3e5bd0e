"""Images to compare a suspect with: those of a class that look most like it and are believed to be labelled right.

A RUN of features keeps what is needed for that (``judge.npz``). Any other RUN, and one whose file is damaged or of
another scan, shows typical images of the class, those that the audit is surest about, and says so. Left out: likeness
from pixels.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.audit.document import Audit
from labelaudit.errors import RunError
from labelaudit.judge import FILE
from labelaudit.packed import as_ascii

if TYPE_CHECKING:
    from labelaudit.judge.judge import Judge

STRIP = 8
"""Images shown of each class."""
_POOL = 4 * STRIP


class Likeness:
    """Comparison images for the samples of one audit. The judge is read when first asked for; thread-safe."""

    def __init__(self, audit: Audit, run: Path) -> None:
        self.audit = audit
        self.kind = "typical"
        """``alike``, or ``typical`` where the RUN keeps no likeness; final after `load`."""
        self.trouble = ""
        """A sentence on why what the RUN keeps cannot be used; final after `load`."""
        self._place = run / FILE
        self._judge: Judge | None = audit.judge
        self._asked = False
        self._lock = threading.Lock()
        self._typical: dict[int, tuple[int, ...]] = {}

    def find(self, row: int, label: int) -> tuple[int, ...]:
        """Up to `STRIP` rows of class ``label`` to show beside ``row``, best first; never a copy of it."""
        judge = self.load()
        if judge is not None:
            return judge.memory.alike(row, label, STRIP)
        digest = self.audit.samples.digests[row]
        return tuple(other for other in self._sure(label) if self.audit.samples.digests[other] != digest)[:STRIP]

    def load(self) -> Judge | None:
        """The judge of the RUN, where there is one that fits; read once."""
        with self._lock:
            if not self._asked:
                self._asked = True
                if self._judge is None and self._place.is_file():
                    from labelaudit.judge.judge import Judge  # most of a second, for RUNs that keep one

                    try:
                        self._judge = Judge.load(self._place)
                    except RunError as error:  # the page is worth opening without it
                        self.trouble = str(error)
                if self._judge is not None and not self._fits(self._judge):
                    self._judge, self.trouble = None, f"{self._place} is of another scan: run `labelaudit scan` again"
                if self.trouble:
                    self.trouble += "; until then the page compares with typical images, not with the most alike."
                self.kind = "typical" if self._judge is None else "alike"
            return self._judge

    def _fits(self, judge: Judge) -> bool:
        """Whether the judge remembers exactly the samples of the audit."""
        from labelaudit.judge.memory import ARRAYS

        samples = self.audit.samples
        return (
            judge.classes == samples.classes
            and all(len(getattr(judge.memory, name)) == len(samples) for name in ARRAYS)
            and bool((judge.memory.digests == as_ascii(samples.digests)).all())
        )

    def _sure(self, label: int) -> tuple[int, ...]:
        """The samples of a class with the least suspicion, no image twice."""
        if label not in self._typical:
            rows = np.flatnonzero((self.audit.samples.labels == label) & ~self.audit.decision.is_issue)
            best = rows[np.argsort(self.audit.decision.suspicion[rows], kind="stable")][:_POOL]
            digests = self.audit.samples.digests
            self._typical[label] = tuple({digests[row]: row for row in best[::-1].tolist()}.values())[::-1]
        return self._typical[label]
