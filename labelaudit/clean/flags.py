"""Chooses the suspects a plan means: those at a stated false-discovery rate, or the audit's own.

A damaged ``estimate.json`` stops only what rests on it. It may have held a rate, so where suspects are to be changed
the person has to say which ones are meant.

Left out: computing the rate; `labelaudit.estimate` does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from labelaudit.audit.document import Audit
from labelaudit.errors import OptionError, RunError, unknown_name
from labelaudit.estimate import FdrFlags, fdr_flags, load_plan, load_target
from labelaudit.text import spell_path
from labelaudit.verdicts import Reviewed

CHOICES = ("auto", "fdr", "threshold")
"""auto: fdr where ``RUN/estimate.json`` holds a rate, threshold elsewhere."""


def choose_flags(
    audit: Audit,
    reviewed: Reviewed,
    run: Path | str,
    *,
    choice: str = "auto",
    target: float | None = None,
    needed: bool = True,
    notice: Callable[[str], None] = lambda _: None,
) -> FdrFlags | None:
    """The flags at the rate ``target``, or at that of ``RUN/estimate.json``; None for the audit's own threshold.

    Where suspects stay as they are they need not be known (``needed`` is False): then a damaged file is not an error,
    and ``notice`` hears of it.

    Raises:
        OptionError: ``choice`` is unknown, contradicts ``target``, or asks for a rate that nobody has set.
        RunError: there is no review plan that a rate could rest on, or its file is damaged.
    """
    if choice not in CHOICES:
        raise unknown_name("choice of flags", choice, CHOICES)
    if choice == "threshold":
        if target is not None:
            raise OptionError("`fdr` sets a rate, `flags` threshold asks for none: leave one away")
        return None
    try:
        plan = load_plan(run, audit)
    except RunError as error:
        if choice == "fdr" or target is not None:
            raise
        if needed:
            raise RunError(f"{error}; or use `flags` threshold") from error
        notice(f"{error}. Suspects are counted by the scan's threshold.")
        return None
    if target is None and plan is not None:
        target = load_target(run)
    if target is None:
        if choice == "fdr":
            raise OptionError("no false-discovery rate is set: give one, such as `fdr` 0.1")
        return None
    if plan is None:
        raise RunError(f"a false-discovery rate rests on a review: `labelaudit estimate {spell_path(run)}` plans one")
    return fdr_flags(audit, plan, reviewed, target=target)
