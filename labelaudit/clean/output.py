"""The folder that a dataset goes to: whether it may be written, and whether the same is there already.

Left out: comparing the files with what was written; their number tells a folder that lost some.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from labelaudit.audit.document import Audit
from labelaudit.clean.plan import CorrectionPlan
from labelaudit.clean.plan_file import plan_id
from labelaudit.clean.report import FILE, KIND, PAGE
from labelaudit.errors import RunError
from labelaudit.files import partials, read_regular, recover
from labelaudit.outputs import check_apart
from labelaudit.text import count


def quarantine_of(out: Path | str) -> Path:
    """The folder beside ``out`` that holds what it has in quarantine."""
    place = Path(out).absolute()
    return place.with_name(f"{place.name}-quarantine")


def check_place(
    place: Path, audit: Audit, data: Path | str | None, run: Path | str | None, other: Path | None = None
) -> None:
    """Refuse an output in, around or in place of what is read: the data, the RUN or the cleaned dataset."""
    check_apart(place, {"data": data or audit.source.get("data"), "RUN": run, "cleaned dataset": other})


def check_free(place: Path, replace: bool) -> None:
    """Refuse to replace a folder that `apply_plan` did not make, one with added files, and any without ``replace``."""
    recover(quarantine_of(place), place)
    if (report := _read_made(place)) is None:
        return
    if not replace:
        raise RunError(f"{place} holds another cleaned dataset: choose another folder with `output`, or use `replace`")
    _check_added(place, report["files"])


def check_quarantine(aside: Path, place: Path) -> None:
    """Refuse to replace a quarantine that is not that of the dataset in ``place``, or that holds other files.

    One that a killed run made for a dataset that never appeared is nobody's: a hidden folder beside it has its id.
    """
    if (report := _read_made(aside)) is None:
        return
    owners = [read_report(folder) for folder in (place, *partials(place))]
    if report["id"] not in {owner["id"] for owner in owners if owner is not None}:
        raise RunError(
            f"{aside} is the quarantine of another cleaned dataset, which was moved or deleted: rename it as that "
            "dataset is called now, with -quarantine behind, delete it, or choose another folder with `output`"
        )
    _check_added(aside, report["quarantine_files"])


def _read_made(folder: Path) -> dict[str, Any] | None:
    """The report of what `apply_plan` made in ``folder``; None where nothing is, `RunError` where something else is."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    if (report := read_report(folder) if folder.is_dir() else None) is None:
        raise RunError(
            f"{folder} holds something that `labelaudit clean` did not make: choose another folder with `output`"
        )
    return report


def find_quarantine(folder: Path, report: Mapping[str, Any]) -> Path | None:
    """The folder beside the dataset in ``folder`` that holds its quarantine, whichever of the two was renamed."""
    if not report["quarantine"]:
        return None
    for aside in (quarantine_of(folder), folder.absolute().with_name(report["quarantine"])):
        other = read_report(aside)
        if other is not None and other["id"] == report["id"]:
            return aside
    return None


def drop_quarantine(place: Path, report: Mapping[str, Any]) -> str:
    """Delete the quarantine of the dataset in ``place`` that was just replaced; returns a note where it must stay."""
    aside = find_quarantine(place, report)
    if aside is None:
        return ""
    if aside == quarantine_of(place) and count_files(aside) <= report["quarantine_files"]:
        shutil.rmtree(aside, ignore_errors=True)
        return ""
    return f"The quarantine of the dataset that was replaced stays in {aside}: delete it when nobody needs it."


def find_done(place: Path, plan: CorrectionPlan, form: str, replace: bool) -> dict[str, Any] | None:
    """The report of an earlier apply of the same plan in the same form, if all of it is still there."""
    recover(quarantine_of(place), place)
    report = read_report(place)
    same = report is not None and report["plan"] == plan_id(plan) and report["form"] == form
    if report is not None and same and count_files(place) >= report["files"]:
        aside = find_quarantine(place, report)
        if not report["quarantine"] or (aside is not None and count_files(aside) >= report["quarantine_files"]):
            return report
    if same and not replace:
        raise RunError(f"{place} is a cleaned dataset that lacks files by now: use `replace` to make it again")
    check_free(place, replace)
    return None


def read_report(folder: Path) -> dict[str, Any] | None:
    """The report that lies in ``folder``; None where there is none that this tool could have written."""
    with suppress(OSError, ValueError, RecursionError):
        report = json.loads(read_regular(folder / FILE))
        if isinstance(report, dict) and report.get("kind") == KIND and _is_sound(report):
            return report
    return None


def _is_sound(report: Mapping[str, Any]) -> bool:
    """Whether a report has the keys that later commands need, of the right types, and a sibling as quarantine."""
    kinds = {"files": int, "quarantine_files": int, "samples": int, "source": dict, "changes": list, "classes": list}
    kinds |= dict.fromkeys(("id", "plan", "form", "quarantine"), str)
    if any(not isinstance(report.get(name), kind) for name, kind in kinds.items()) or not report["id"]:
        return False
    name = report["quarantine"]
    entries = [report["source"], *report["changes"], *report["classes"]]
    return (
        isinstance(report["source"].get("fingerprint"), str)
        and all(isinstance(entry, dict) for entry in entries)
        and all(isinstance(entry.get("label"), str) for entry in report["classes"])
        and (not name or (name.endswith("-quarantine") and not set(name) & set("/\\\0")))
    )


def _check_added(folder: Path, files: int) -> None:
    there = count_files(folder)
    if there > files:
        raise RunError(
            f"{folder} holds {count(there - files, 'file')} that `labelaudit clean` did not put there: move that away "
            "first, or choose another folder with `output`"
        )


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
