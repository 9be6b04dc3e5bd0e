"""Companions of an image in review: the others of its group that carry the same label, which one verdict may be about.

A patient's frames or a set of near-copies were labelled at once and are usually wrong together. Left out: members under
another label, about which somebody said something else; and blind orders, which are a sample of single images.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from labelaudit.audit.document import Audit
from labelaudit.data.images import ImageError
from labelaudit.errors import NothingToDo
from labelaudit.review.ledger import StaleAnswer
from labelaudit.types import Identity, Ints

SHOWN = 8
"""Companions that a page shows pictures of."""


class Companions:
    """The companions of the samples of ``audit``, and whose verdicts were taken together."""

    def __init__(self, audit: Audit) -> None:
        self._samples, self._identity = audit.samples, audit.identity
        self._taken: dict[int, tuple[int, ...]] = {}

    def find(self, row: int) -> tuple[int, ...]:
        """Rows of the companions of ``row``, in their order; none where every sample stands alone. Copies of the same
        bytes are not among them: they are one image, and share its verdicts anyway."""
        samples, code = self._samples, self._code
        if code is None:
            return ()
        mine = samples.digests[row], samples.labels[row]
        seen = {mine[0]}
        found = []
        for other in np.flatnonzero(code == code[row]).tolist():
            if samples.labels[other] == mine[1] and samples.digests[other] not in seen:
                seen.add(samples.digests[other])
                found.append(other)
        return tuple(found)

    def name(self, row: int) -> str:
        """The name that a person gave the group of ``row``; empty where it was found."""
        group = self._samples.groups[row]
        return "" if group in self._digests else group

    def about(self, row: int, is_open: Callable[[int], bool]) -> dict[str, Any]:
        """``group`` of a question: its name, the rows to show, and how many have no verdict yet; empty without any."""
        others = self.find(row)
        if not others:
            return {}
        still = sum(map(is_open, others))
        group = {"name": self.name(row), "rows": list(others[:SHOWN]), "all": len(others), "open": still}
        return {"group": group}

    def take(self, row: int, is_open: Callable[[int], bool], give: Callable[[int], None]) -> int:
        """Give the open companions of ``row`` its verdict, but those whose image is missing or was changed; returns
        their number."""
        taken = []
        for other in filter(is_open, self.find(row)):
            try:
                give(other)
            except (ImageError, StaleAnswer):
                continue
            taken.append(other)
        self._taken[row] = tuple(taken)
        return len(taken)

    def take_back(self, row: int, withdraw: Callable[[int], object]) -> None:
        """Withdraw what was taken together with the verdict on ``row``, as far as it still stands."""
        for other in self._taken.pop(row, ()):
            try:
                withdraw(other)
            except NothingToDo:
                continue

    def leader(self, identity: Identity) -> Identity:
        """The image that was shown when the verdict on ``identity`` was taken."""
        for shown, others in self._taken.items():
            if any(self._identity(other) == identity for other in others):
                return self._identity(shown)
        return identity

    @cached_property
    def _code(self) -> Ints | None:
        if self._samples.groups == self._samples.digests:
            return None
        return self._samples.numbered_groups.code

    @cached_property
    def _digests(self) -> frozenset[str]:
        return frozenset(self._samples.digests)
