"""The verdict in force on a sample: the latest that a person gave, in the RUN or in the baseline."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VerdictInForce:
    """The verdict in force on a sample, from the RUN or the baseline."""

    verdict: str
    new_label: str
    """The right class, where the given label is not."""
    reviewer: str
    time: str
    note: str = ""

    @property
    def right(self) -> bool:
        """Whether the given label was found right."""
        return self.verdict == "given"

    def __str__(self) -> str:
        who = f" by {self.reviewer}" if self.reviewer else ""
        when = f" ({self.time[:10]})" if self.time else ""
        found = "right" if self.right else f"wrong, {self.new_label} is right" if self.new_label else "wrong"
        return "; ".join(part for part in (f"label found {found}{who}{when}", self.note) if part)
