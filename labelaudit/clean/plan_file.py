"""``plan.json``: read by people and by `git diff`, one change a line, and meant to be edited.

A plan that is read back is applied exactly as it stands, so everything in it is checked against the audit first: an
unknown field, a sample that is not there, another digest or label each stop it, with the entry named. Left out: line
numbers; an editor that reformats the file does no harm.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from labelaudit.audit.document import Audit
from labelaudit.audit.json import json_line
from labelaudit.clean.actions import ACTIONS
from labelaudit.clean.names import check_class
from labelaudit.clean.plan import SOURCES, Change, CorrectionPlan
from labelaudit.errors import RunError, reason_of
from labelaudit.files import not_written, read_regular, write_text
from labelaudit.machine import __version__

SCHEMA_VERSION = 1
KIND = "labelaudit clean plan"
FILE = "plan.json"

_FIELDS = {entry.name: entry.default for entry in fields(Change)}
_PARTS = {"schema_version", "kind", "labelaudit", "checksum", *(entry.name for entry in fields(CorrectionPlan))}


def plan_id(plan: CorrectionPlan) -> str:
    """32 hexadecimal digits for what ``plan`` changes; nothing else counts."""
    text = json.dumps(
        [record(change) for change in plan.changes] + [plan.new_classes, plan.fingerprint], sort_keys=True
    )
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def record(change: Change) -> dict[str, Any]:
    """``change`` without what it leaves at its default; what identifies it stays."""
    said = asdict(change)
    return {name: said[name] for name in said if name in ("digest", "source") or said[name] != _FIELDS[name]}


def dumps(plan: CorrectionPlan) -> str:
    """The text of the file."""
    parts: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "kind": KIND,
        "labelaudit": __version__,
        **{entry.name: getattr(plan, entry.name) for entry in fields(CorrectionPlan) if entry.name != "changes"},
        "checksum": plan_id(plan),
    }
    return one_a_line(parts, [record(change) for change in plan.changes])


def one_a_line(parts: Mapping[str, Any], changes: Sequence[Mapping[str, Any]]) -> str:
    """``parts`` and then ``changes`` as one JSON object, each part and each change on a line of its own."""
    lines = [f"  {json_line(name)}: {json_line(value)}" for name, value in parts.items()]
    block = ",\n".join(f"    {json_line(change)}" for change in changes)
    lines.append(f'  "changes": [\n{block}\n  ]' if changes else '  "changes": []')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write_plan(plan: CorrectionPlan, path: Path | str) -> None:
    """Write ``plan`` whole or not at all.

    Raises:
        RunError: the plan that is there was edited by hand, or the file cannot be written; it is as it was.
    """
    place = Path(path)
    if is_edited(place):
        raise RunError(f"{path} was edited by hand: apply it with `plan` {path}, or move it away for a new one")
    try:
        write_text(dumps(plan), place)
    except OSError as error:
        raise not_written(path, place, error, "an earlier plan", folder=place.parent) from error


def is_edited(path: Path) -> bool:
    """Whether there is a plan that is not as it was written; a damaged one counts as edited."""
    try:
        parts = _load(path)
        return parts.get("checksum") != plan_id(_build(path, parts))
    except FileNotFoundError:
        return False
    except RunError:
        return True


def read_plan(path: Path | str, audit: Audit) -> CorrectionPlan:
    """The plan in a file, every change checked against ``audit``.

    Raises:
        RunError: there is no plan, it is damaged or of a newer labelaudit, or an entry of it cannot be done.
    """
    place = Path(path)
    try:
        parts = _load(place)
    except FileNotFoundError:
        raise RunError(f"there is no plan {path}: make one with `labelaudit clean RUN`") from None
    return build_plan(parts, place, audit)


def build_plan(parts: Mapping[str, Any], path: Path, audit: Audit) -> CorrectionPlan:
    """The plan of ``parts``, as JSON has them, every change checked against ``audit``; raises `RunError`."""
    plan = _build(path, parts)
    _check_origin(plan, path, audit)
    for name in plan.new_classes:
        check_class(name, audit.samples.classes, str(path))
    rows = {name: row for row, name in enumerate(audit.samples.ids)}
    unread = {finding.path for finding in audit.findings} - {*rows}
    classes = {*audit.samples.classes, *plan.new_classes}
    seen: dict[str, int] = {}
    for number, change in enumerate(plan.changes, 1):
        where = f"{path}, change {number} ('{change.path}')"
        if change.path in seen:
            raise RunError(f"{where}: change {seen[change.path]} is on the same image: leave one")
        seen[change.path] = number
        _check(change, where, audit, rows, unread, classes)
    return plan


def _check_origin(plan: CorrectionPlan, path: Path, audit: Audit) -> None:
    """Refuse the plan of another dataset; what a person wrote without naming one is checked by its changes alone.

    The same content at another place is the same dataset.
    """
    again = "make a new one with `labelaudit clean RUN`"
    if plan.fingerprint and plan.fingerprint != audit.fingerprint:
        raise RunError(
            f"{path} was made for a dataset with other images or labels (fingerprint {plan.fingerprint[:12]}, the RUN "
            f"has {audit.fingerprint[:12]}): {again}"
        )
    if not plan.fingerprint and plan.root and plan.root != audit.samples.root:
        raise RunError(f"{path} was made for '{plan.root}', the RUN is about '{audit.samples.root}': {again}")


def _check(
    change: Change, where: str, audit: Audit, rows: Mapping[str, int], unread: set[str], classes: set[str]
) -> None:
    """Raise `RunError`, naming ``where``, for a change that does not fit the audit."""
    row = rows.get(change.path)
    if row is None:
        if change.path not in unread:
            raise RunError(f"{where}: the audit has no such image: take the change out")
        if change.action not in ("drop", "quarantine"):
            raise RunError(f"{where}: a file that cannot be read can only be dropped or quarantined")
        return
    digest, label = audit.identity(row)
    if change.digest != digest:
        raise RunError(f"{where}: its digest is {digest} in the audit, not '{change.digest}': make a new plan")
    if change.given_label != label:
        raise RunError(f"{where}: its given label is '{label}' in the audit, not '{change.given_label}'")
    if change.action == "relabel" and change.new_label == label:
        raise RunError(
            f"{where}: \"new_label\" '{label}' is the given label: take the change out, or name another class"
        )
    if change.action == "relabel" and change.new_label not in classes:
        raise RunError(
            f"{where}: '{change.new_label}' is not a class of the audit: write it into \"new_classes\" if it is meant"
        )


def _load(path: Path) -> dict[str, Any]:
    try:
        parts = json.loads(read_regular(path))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} cannot be read ({reason_of(error)}): correct it, or move it away") from None
    if not isinstance(parts, dict) or parts.get("kind") != KIND:
        raise RunError(f"{path} is not a plan of labelaudit clean")
    version = parts.get("schema_version")
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise RunError(f"{path} was written by a newer labelaudit (schema {version}): pip install -U labelaudit")
    return parts


def _build(path: Path, parts: Mapping[str, Any]) -> CorrectionPlan:
    """The plan of the file's ``parts``, every value of the right kind."""
    _refuse_unknown(parts, _PARTS, str(path))
    changes = parts.get("changes")
    if not isinstance(changes, list):
        raise RunError(f'{path}: "changes" must be a list')
    classes = parts.get("new_classes", [])
    if not _is_texts(classes):
        raise RunError(f'{path}: "new_classes" must be a list of names')
    tables = {name: parts.get(name) for name in ("actions", "flags", "kept")}
    return CorrectionPlan(
        changes=tuple(_change(entry, f"{path}, change {number}") for number, entry in enumerate(changes, 1)),
        fingerprint=str(parts.get("fingerprint", "")),
        root=str(parts.get("root", "")),
        samples=int(parts["samples"]) if isinstance(parts.get("samples"), int) else 0,
        **{name: value if isinstance(value, dict) else {} for name, value in tables.items()},
        new_classes=tuple(classes),
        notes=tuple(parts["notes"]) if _is_texts(parts.get("notes")) else (),
    )


def _change(entry: Any, where: str) -> Change:
    """The change that an entry of the file describes; raises `RunError`, naming ``where``, for a mistake in it."""
    if not isinstance(entry, dict):
        raise RunError(f'{where} must be an object such as {{"path": …, "digest": …, "action": …}}')
    where += f" ('{entry.get('path', '')}')"
    _refuse_unknown(entry, _FIELDS, where)
    said = {"given_label": "", "digest": "", **entry}
    for name in ("path", "action"):
        if not said.get(name):
            raise RunError(f'{where}: "{name}" is missing')
    for name, value in said.items():
        wanted: tuple[type, ...] = (int, float, type(None)) if name in ("label_score", "weight") else (str,)
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise RunError(
                f'{where}: "{name}" is {json.dumps(value)}: write {"a number" if len(wanted) > 1 else "text"}'
            )
    if said["action"] not in ACTIONS[1:]:
        raise RunError(f"{where}: action '{said['action']}' is none of {', '.join(ACTIONS[1:])}")
    if said.get("source", "hand") not in SOURCES:
        raise RunError(f"{where}: source '{said['source']}' is none of {', '.join(SOURCES)}")
    if (said["action"] == "relabel") != bool(said.get("new_label")):
        if said["action"] == "relabel":
            raise RunError(f"{where}: action 'relabel' needs a \"new_label\"")
        raise RunError(f"{where}: remove \"new_label\": action '{said['action']}' takes none")
    weight = said.get("weight")
    if (said["action"] == "weight") != (weight is not None) or not 0 <= (weight or 0) <= 1:
        if said["action"] == "weight":
            raise RunError(f"{where}: action 'weight' needs a \"weight\" from 0 to 1")
        raise RunError(f"{where}: remove \"weight\": action '{said['action']}' takes none")
    return Change(**said)


def _refuse_unknown(entry: Mapping[str, Any], known: Sequence[str] | set[str] | Mapping[str, Any], where: str) -> None:
    if strange := [name for name in entry if name not in known]:
        raise RunError(f'{where}: unknown field "{strange[0]}": there are {", ".join(sorted(known))}')


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
