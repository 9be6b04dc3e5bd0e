"""The folder that a dataset goes to: whether it may be written, and whether the same is there already.

Left out: comparing the files with what was written; their number tells a folder that lost some.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from labelaudit.clean.plan import Plan
from labelaudit.clean.plan_file import plan_id
from labelaudit.clean.report import FILE, KIND, PAGE
from labelaudit.document import Audit
from labelaudit.errors import OptionError, RunError
from labelaudit.folders import recover


def quarantine_of(out: Path | str) -> Path:
    """The folder beside ``out`` that holds what it has in quarantine."""
    place = Path(out).absolute()
    return place.with_name(f"{place.name}-quarantine")


def check_place(
    place: Path, audit: Audit, data: Path | str | None, run: Path | str | None, other: Path | None = None
) -> None:
    """Refuse what would write into, or over, what is only to be read."""
    source = data or audit.source.get("data")
    for what, folder in (("data", source), ("RUN", run), ("cleaned dataset", other)):
        if folder is None:
            continue
        own = Path(folder).resolve()
        if place == own or (own.is_dir() and own in place.parents):
            raise OptionError(f"the output {place} lies inside the {what} {folder}: choose a folder outside with -o")
        if place in own.parents and place.exists():
            raise OptionError(f"the output {place} holds the {what} {folder}: choose another folder with -o")


def check_free(place: Path, replace: bool) -> None:
    """Refuse to replace what is not ours, and what is ours unless asked to."""
    recover(place)
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return
    report = read_report(place) if place.is_dir() else None
    if report is None:
        raise RunError(f"{place} holds something that `labelaudit clean` did not make: choose another folder with -o")
    if not replace:
        raise RunError(f"{place} holds another cleaned dataset: choose another folder with -o, or use --replace")


def find_done(place: Path, plan: Plan, form: str, replace: bool) -> dict[str, Any] | None:
    """The report of an earlier apply of the same plan in the same form, if all of it is still there."""
    recover(place)
    report = read_report(place)
    same = report is not None and report["plan"] == plan_id(plan) and report["form"] == form
    if report is not None and same and count_files(place) >= report["files"]:
        aside = place.with_name(report["quarantine"]) if report["quarantine"] else None
        if aside is None or aside.is_dir():
            return report
    if same and not replace:
        raise RunError(f"{place} is a cleaned dataset that lacks files by now: use --replace to make it again")
    check_free(place, replace)
    return None


def read_report(folder: Path) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        report = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if isinstance(report, dict) and report.get("kind") == KIND:
            try:
                int(report["files"]), report["source"]["fingerprint"], report["plan"], report["form"] + ""
                return report if "/" not in report["quarantine"] else None
            except (KeyError, TypeError):
                return None
    return None


def read_report_of(folder: Path, audit: Audit) -> dict[str, Any]:
    """The report of a dataset that was cleaned by the RUN of ``audit``."""
    report = read_report(folder)
    if report is None:
        raise RunError(f"{folder} was not made by `labelaudit clean` (no {FILE})")
    if report["source"]["fingerprint"] != audit.fingerprint:
        raise RunError(f"{folder} was made from another scan than this RUN: name the RUN that it came from")
    return report


def count_files(folder: Path) -> int:
    return sum(len({*files} - {FILE, PAGE}) for _, _, files in os.walk(folder))
