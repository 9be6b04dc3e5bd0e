"""The policy: limits for the whole dataset, rules for classes and paths, ignores with a reason.

Left out: ignores without a reason; the next reader could not tell which of them still hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache

from labelaudit.errors import OptionError, unknown_name
from labelaudit.types import Tier

REFIT = 0.3
"""Above the threshold: within it a sample that the baseline has seen unsuspected is uncertain, not new. Models that are
fitted anew, to one image more, move the suspicion of unchanged images; docs/check.md has what was measured."""
TOLERANCE = 0.05
"""Half the width of the band around the flag threshold, 1.5 times the largest drift measured: from AVX2 to SSE, and
from two threads to one, no suspicion of 1,797 digits moved by more than .032 (docs/check.md)."""


@dataclass(frozen=True, kw_only=True)
class Where:
    """The samples a rule or an ignore is about; what is empty matches everything."""

    path: str = ""
    """Glob over sample ids, see `matches_glob`."""
    label: str = ""
    """A class, ``class`` in the file; in a rule ``*`` means each class by itself."""

    def __str__(self) -> str:
        return " ".join(part for part in (self.path, self.label) if part)


@dataclass(frozen=True, kw_only=True)
class ScopedRule:
    """Limits for some of the samples."""

    where: Where
    max_noise: float | None = None
    max_suspects: int | None = None
    max_new: int | None = None


@dataclass(frozen=True, kw_only=True)
class Ignore:
    """Suspects and findings that do not count, and why."""

    where: Where
    reason: str
    kind: str = ""
    """``suspect`` or a kind of finding; empty: all of them."""
    digest: str = ""
    """Content digest of one image."""
    expires: date | None = None
    """Last day on which it holds."""

    def __str__(self) -> str:
        parts = {"path": self.where.path, "class": self.where.label, "kind": self.kind, "digest": self.digest}
        return ", ".join(f"{name} '{value}'" for name, value in parts.items() if value)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Limits and exceptions; ``None`` means not asked for."""

    max_noise: float | None = None
    """Share of wrong labels, in [0, 1]."""
    max_suspects: int | None = None
    """Suspects that count; with a baseline those it does not know."""
    max_new: int | None = None
    """Suspects that the baseline does not know."""
    max_class_noise: Mapping[str, float] = field(default_factory=dict)
    """Class -> share of wrong labels among its samples; ``*`` is the limit of every class not named."""
    no_conflicts: bool | None = None
    """No image, nor a near-copy of it, under two labels."""
    no_unreadable: bool | None = None
    """No file that could not be read."""
    no_leaks: bool | None = None
    """No image, nor a near-copy of it, in two splits."""
    no_shortcuts: bool | None = None
    """Nothing beside the picture tells the class; asked for only where it is true."""
    max_suspects_per: Mapping[str, float] = field(default_factory=dict)
    """Column of the table, or ``folder level N`` -> share of suspects among the samples of any one value."""
    threshold: float | None = None
    """Suspicion from which a sample is a suspect and counts, in [0, 1]; ``None``: the audit's own."""
    tier: Tier = "sure"
    """The suspects that count, where `threshold` is the audit's own."""
    rules: tuple[ScopedRule, ...] = ()
    ignores: tuple[Ignore, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """Key as in a policy file -> where it was written, for messages, such as ``labelaudit.toml: rule``."""

    def check_classes(self, classes: Sequence[str]) -> None:
        """Refuse a policy that names a class which is not among ``classes``: its limit would never be broken.

        Raises:
            OptionError: names the key, the class, and the one that was probably meant.
        """
        for key, name in self._classes():
            if name not in classes:
                raise OptionError(f"{key}: {unknown_name('class', name, classes)}")

    def _classes(self) -> Iterator[tuple[str, str]]:
        """(where it is written, name) of each class that the policy names."""

        def place(key: str) -> str:
            return self.origins.get(key, key)

        for name in self.max_class_noise:
            if name != "*":
                yield place("max-class-noise"), name
        for number, rule in enumerate(self.rules, 1):
            if rule.where.label not in ("", "*"):
                yield f"{place('rule')} {number}", rule.where.label
        for number, ignore in enumerate(self.ignores, 1):
            if ignore.where.label:
                yield f"{place('ignore')} {number}", ignore.where.label

    def in_force(self, *, baseline: bool) -> Policy:
        """The policy with the limits that hold unless they are switched off; ``baseline`` says whether there is one."""
        counted = self.max_new is not None or self.max_suspects is not None
        return replace(
            self,
            max_new=0 if baseline and not counted else self.max_new,
            no_conflicts=self.no_conflicts is not False,
            no_unreadable=self.no_unreadable is not False,
            no_leaks=self.no_leaks is not False,
            no_shortcuts=bool(self.no_shortcuts),
        )

    @property
    def asks(self) -> bool:
        """Whether any limit was asked for, besides those that hold unless they are switched off."""
        limits = (self.max_noise, self.max_suspects, self.max_new)
        wanted = self.no_conflicts or self.no_unreadable or self.no_leaks or self.no_shortcuts
        each = self.max_suspects_per or self.max_class_noise or self.rules
        return bool(wanted or each or any(limit is not None for limit in limits))


def matches_glob(path: str, pattern: str) -> bool:
    """Whether a sample id matches a glob: ``*`` and ``?`` within a folder's name, ``**`` across folders.

    A pattern that ends in ``/`` stands for all below it; one without a slash for files of that name in any folder.

    >>> matches_glob("train/cat/1.png", "train/**"), matches_glob("train/cat/1.png", "train/*.png")
    (True, False)
    """
    return _glob(pattern).fullmatch(path) is not None


@cache
def _glob(pattern: str) -> re.Pattern[str]:
    whole = pattern.removeprefix("./")
    whole = whole + "**" if whole.endswith("/") else whole
    whole = whole if "/" in whole or whole == "**" else "**/" + whole
    special = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", whole)
    return re.compile("".join(special.get(part, re.escape(part)) for part in parts), re.DOTALL)


def today() -> date:
    """The day in UTC, so that an ignore expires everywhere at once."""
    return datetime.now(UTC).date()
