"""One decision of one person about one sample."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from labelaudit.errors import DataError
from labelaudit.types import Claim, Identity

VERDICTS = ("given", "suggested", "other", "none", "skip", "undo")
"""given: the given label is right · suggested: the suggested one is · other: another class is · none: no class of the
dataset is · skip: cannot tell · undo: the reviewer's verdict before this one is taken back."""
RULE = "rule"
"""In place of a verdict, on a line about no image: the rule by which disputes end (`labelaudit.verdicts.settling`)."""
COLUMNS = ("path", "digest", "given_label", "verdict", "new_label", "reviewer", "note", "time")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One line of ``verdicts.csv``. Raises `DataError` where the parts contradict each other.

    >>> Verdict(path="a.png", digest="00", given_label="cat", verdict="other", new_label="dog").right
    'dog'
    """

    path: str
    """Path of the image, relative to the data root; for people."""
    digest: str
    given_label: str
    verdict: str
    """One of `VERDICTS`, or `RULE`. Choosing the given label as the right one is always stored as ``given``."""
    new_label: str = ""
    """The right class for ``suggested``, ``other`` and ``given``; empty for the rest."""
    reviewer: str = ""
    note: str = ""
    """A remark of the reviewer, in a few words; may be empty."""
    time: str = ""
    """In UTC, such as ``2026-11-21T06:30:00Z``; any ISO 8601 time is brought into this form. May be empty."""

    def __post_init__(self) -> None:
        if self.verdict not in (*VERDICTS, RULE):
            raise DataError(f"verdict '{self.verdict}' on '{self.path}' is none of {', '.join(VERDICTS)}")
        if not self.digest or not self.given_label:
            raise DataError(f"verdict on '{self.path}' names no {'given_label' if self.digest else 'digest'}")
        if self.verdict in ("suggested", "other") and not self.new_label:
            raise DataError(f"verdict '{self.verdict}' on '{self.path}' needs the right class in new_label")
        if self.verdict in ("none", "skip", "undo") and self.new_label:
            raise DataError(
                f"verdict '{self.verdict}' on '{self.path}' must leave new_label empty, got '{self.new_label}'"
            )
        if self.verdict == "given" and self.new_label not in ("", self.given_label):
            raise DataError(f"verdict 'given' on '{self.path}' keeps '{self.given_label}', not '{self.new_label}'")
        if self.verdict == "given" or self.new_label == self.given_label:
            object.__setattr__(self, "verdict", "given")
            object.__setattr__(self, "new_label", self.given_label)
        object.__setattr__(self, "note", " ".join(self.note.split()))
        object.__setattr__(self, "time", _utc(self.time, self.path))

    @classmethod
    def on(
        cls, claim: Claim, verdict: str, new_label: str = "", *, reviewer: str, note: str = "", time: str = ""
    ) -> Verdict:
        """A verdict on the sample of ``claim``; one that names the given label as the right one is ``given``."""
        return cls(
            path=claim.path,
            digest=claim.digest,
            given_label=claim.label,
            verdict=verdict,
            new_label=new_label,
            reviewer=reviewer,
            note=note,
            time=time,
        )

    @property
    def identity(self) -> Identity:
        """(digest, given label)."""
        return self.digest, self.given_label

    @property
    def right(self) -> str | None:
        """The right class; ``None`` where no class is, or nobody could tell."""
        return self.new_label or None

    @property
    def wrong(self) -> bool:
        """Whether the given label was found wrong."""
        return self.verdict in ("suggested", "other", "none")


def now() -> str:
    """The time of a verdict that is made now."""
    return _spelled(datetime.now(UTC))


def _spelled(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"  # strftime writes the year 1 as "1"


def _utc(time: str, path: str) -> str:
    """``time`` in UTC to the second; a time without a zone is taken for UTC."""
    if not time:
        return ""
    try:
        moment = datetime.fromisoformat(time)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return _spelled(moment)
    except (ValueError, OverflowError):
        raise DataError(f"time '{time}' of the verdict on '{path}' must be like 2026-11-21T06:30:00Z") from None
