"""The file of a baseline, which lives beside the code.

JSON made for ``git diff``: one suspect or finding a line, sorted by path, suspicions to two digits, and no time stamp,
so that the same audit gives the same bytes. People may write verdicts and notes into it by hand, and formatters may
lay it out anew. Left out: reading what a newer labelaudit wrote; it is refused.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from labelaudit.audit.json import json_line
from labelaudit.check.baseline import WORDS, Baseline, KnownFinding, KnownSuspect, Noise
from labelaudit.errors import DataError, RunError, writing
from labelaudit.files import read_regular, write_text
from labelaudit.verdicts import Verdict

SCHEMA_VERSION = 1
"""Version of the file; raised when a reader of the old form would misread the new one."""
KIND = "labelaudit baseline"
_VERSION = "schema_version"

_MARKER = re.compile(r"(<{7}|={7}|>{7}|\|{7})( |$)")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"(\s*:)?|[{}\n]', re.DOTALL)
_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|(-?[\w.+]+)')
_DIGEST = re.compile(r"[0-9a-f]{32}")
_HEAD, _SEEN = re.compile(r"[0-9a-f]{2}"), re.compile(r"([0-9a-f]{8})*")
_DIGITS = 18
"""Digits of the longest whole number that is read."""
_DEEPEST = 16
_AnyKnown = TypeVar("_AnyKnown", KnownSuspect, KnownFinding)


class ConflictError(RunError):
    """The file holds a merge conflict of Git, and so nothing that neither of its two sides has."""


def read(path: Path | str) -> Baseline:
    """The baseline of a file.

    Raises:
        RunError: it is missing, damaged, holds an entry twice or a merge conflict (each with the line), or a newer
            labelaudit wrote it.
    """
    try:
        data = read_regular(Path(path))
    except OSError as error:
        if Path(path).is_dir():
            raise RunError(f"{path} is a folder and no baseline: name a file that `write_baseline` wrote") from None
        raise RunError(f"no baseline in {path} ({error.strerror}): make one with `write_baseline` {path}") from None
    try:
        text = data.decode("utf-8-sig")
        _refuse_conflicts(path, text)
        return _parse(_decode(text))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RunError(f"{path}:{line}: no UTF-8: save it as UTF-8, restore it, or make a new one") from None
    except _WrongLineError as error:
        raise RunError(f"{path}:{error.line}: {error}") from None
    except json.JSONDecodeError as error:
        raise RunError(f"{path}:{error.lineno}: no JSON ({error.msg}): restore it, or make a new one") from None
    except OverflowError as error:
        raise RunError(f"{path}: a number is too large ({error}): restore it, or make a new one") from None
    except RecursionError:
        line = _deepest_line(text)
        raise RunError(f"{path}:{line}: brackets nested too deep: restore it, or make a new one") from None


def write(baseline: Baseline, path: Path | str) -> None:
    """Write ``baseline`` whole or not at all; the same baseline gives the same bytes.

    Raises:
        RunError: the file cannot be written; an earlier one is as it was.
    """
    with writing(f"the baseline {path}"):
        write_text(dumps(baseline), Path(path).resolve())


def dumps(baseline: Baseline) -> str:
    """The text of the file."""
    noise = {name: [round(end, 4) for end in value] for name, value in sorted(baseline.noise.items())}
    parts = [
        f'"schema_version": {SCHEMA_VERSION}',
        f'"kind": {json_line(KIND)}',
        _block("dataset", (f"{json_line(name)}: {json_line(value)}" for name, value in baseline.dataset.items()), "{}"),
        _block(
            "settings", (f"{json_line(name)}: {json_line(value)}" for name, value in baseline.settings.items()), "{}"
        ),
        _block("noise", (f"{json_line(name)}: {json_line(value)}" for name, value in noise.items()), "{}"),
        _block("suspects", (json_line(_entry(known)) for known in baseline.suspects), "[]"),
        _block("findings", (json_line(_entry(known)) for known in baseline.findings), "[]"),
        _block("seen", _seen_lines(baseline.seen), "{}"),
    ]
    return "{\n" + ",\n".join(f"  {part}" for part in parts) + "\n}\n"


def _seen_lines(seen: Iterable[str]) -> Iterator[str]:
    """Samples by the first two of their ten digits, sorted, so that a diff shows no more than what changed."""
    parts: dict[str, list[str]] = {}
    for key in sorted(seen):
        parts.setdefault(key[:2], []).append(key[2:])
    return (f'"{head}": "{"".join(rest)}"' for head, rest in parts.items())


def _entry(known: KnownSuspect | KnownFinding) -> dict[str, Any]:
    """The fields of an entry that are not empty; the suspicion always."""
    record = {entry.name: getattr(known, entry.name) for entry in fields(known)}
    return {name: value for name, value in record.items() if value or name == "suspicion"}


def _block(name: str, lines: Iterable[str], brackets: str) -> str:
    inside = ",\n".join(f"    {line}" for line in lines)
    return f'"{name}": {brackets[0]}' + (f"\n{inside}\n  " if inside else "") + brackets[1]


class _WrongLineError(ValueError):
    """A mistake in the file, and the line it is on."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class _Object(dict[str, Any]):
    """A JSON object that knows the lines of its keys. A key that stands twice is an error: one would be lost."""

    def __init__(self, pairs: list[tuple[str, Any]], lines: list[int]) -> None:
        super().__init__(pairs)
        self.line, *below = lines
        self._lines: dict[str, int] = {}
        for (name, _), line in zip(pairs, below, strict=False):
            if name in self._lines:
                raise _WrongLineError(line, f"'{name}' stands twice in one object: keep one")
            self._lines[name] = line

    def fail(self, message: str, name: str = "") -> _WrongLineError:
        """An error about the key ``name``, or about the object."""
        return _WrongLineError(self._lines.get(name, self.line), message)


def _refuse_conflicts(path: Path | str, text: str) -> None:
    for number, line in enumerate(text.split("\n"), 1):
        if _MARKER.match(line):
            said = f"a merge conflict ({line[:7]}): join the two with `labelaudit baseline merge`"
            raise ConflictError(f"{path}:{number}: {said}")


def _decode(text: str) -> Any:
    """The document, its objects with their lines: objects are finished in the order in which their braces close."""
    lines = iter(_lines_of_objects(text))

    def refuse(constant: str) -> float:
        shown = constant if len(constant) <= _DIGITS else f"{constant[:_DIGITS]}…"
        found = (text.count("\n", 0, token.start()) + 1 for token in _CONSTANT.finditer(text) if token[1] == constant)
        raise _WrongLineError(
            next(found, 1), f"{shown} is not a number that a baseline holds: restore the file, or make a new one"
        )

    def whole(digits: str) -> int:
        return int(digits if len(digits) <= _DIGITS else refuse(digits))

    def fraction(digits: str) -> float:
        return float(digits) if math.isfinite(float(digits)) else refuse(digits)

    return json.loads(
        text,
        object_pairs_hook=lambda pairs: _Object(pairs, next(lines, [1])),
        parse_constant=refuse,
        parse_int=whole,
        parse_float=fraction,
    )


def _lines_of_objects(text: str) -> Iterator[list[int]]:
    """For each object, in the order in which they end: the line it begins on, then those of its keys."""
    line, begun = 1, list[list[int]]()
    for token in _TOKEN.finditer(text):
        if token[0] == "{":
            begun.append([line])
        elif token[0] == "}" and begun:
            yield begun.pop()
        elif token[1] and begun:
            begun[-1].append(line)
        line += token[0].count("\n")


def _deepest_line(text: str) -> int:
    """The line on which brackets first nest deeper than those of any baseline."""
    line, depth = 1, 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[{}\[\]\n]', text):
        depth += (token[0] in "{[") - (token[0] in "}]") if len(token[0]) == 1 else 0
        if depth > _DEEPEST:
            return line
        line += token[0].count("\n")
    return line


def _parse(document: Any) -> Baseline:
    """The baseline in a document; raises `_WrongLineError` with the line of the first mistake."""
    said = f'no baseline (its "kind" is not "{KIND}"): name another file'
    if not isinstance(document, _Object):
        raise _WrongLineError(1, said)
    if document.get("kind") != KIND:
        raise document.fail(said, "kind")
    version = document.get(_VERSION)
    if type(version) is not int or version < 1:
        raise document.fail("schema_version is missing or no number: restore the file, or make a new one", _VERSION)
    if version > SCHEMA_VERSION:
        raise document.fail(
            f"written by a newer labelaudit (schema {version}, this one reads up to {SCHEMA_VERSION}): "
            "pip install -U labelaudit",
            _VERSION,
        )
    noise = _mapping(document, "noise")
    for name, value in noise.items():
        if not (isinstance(value, list) and len(value) == 3 and all(map(_is_share, value))):
            raise noise.fail(f"noise of '{name}': must be three shares [rate, low, high]", name)
        if value[1] > value[2]:
            raise noise.fail(
                f"noise of '{name}': its interval ends at {value[2]}, before it begins at {value[1]}", name
            )
    return Baseline(
        dataset=_mapping(document, "dataset"),
        settings=_mapping(document, "settings"),
        noise={name: Noise(*value) for name, value in noise.items()},
        suspects=_entries(document, "suspects", KnownSuspect, ("path", "digest", "given_label")),
        findings=_entries(document, "findings", KnownFinding, ("path", "kind", "identity")),
        seen=frozenset(_seen(_mapping(document, "seen"))) if "seen" in document else frozenset(),
    )


def _seen(parts: _Object) -> Iterator[str]:
    for head, rest in parts.items():
        if not _HEAD.fullmatch(head) or not isinstance(rest, str) or not _SEEN.fullmatch(rest):
            raise parts.fail(f"seen '{head}' is not hexadecimal digits in eights: restore the line", head)
        yield from (head + rest[at : at + 8] for at in range(0, len(rest), 8))


def _mapping(document: _Object, name: str) -> _Object:
    part = document.get(name)
    if not isinstance(part, _Object):
        raise document.fail(f"'{name}' is missing or no object: restore the file, or make a new one", name)
    return part


def _entries(document: _Object, name: str, kind: type[_AnyKnown], needed: Iterable[str]) -> tuple[_AnyKnown, ...]:
    """The entries of a list, each checked, no identity twice."""
    part = document.get(name)
    if not isinstance(part, list):
        raise document.fail(f"'{name}' is missing or no list: restore the file, or make a new one", name)
    line_of: dict[object, int] = {}
    entries = []
    for record in part:
        if not isinstance(record, _Object):
            raise document.fail(f"'{name}' holds {json.dumps(record)}, which is not an entry", name)
        entry = _entry_of(record, kind, needed)
        if entry.identity in line_of:
            raise record.fail(f"'{entry.path}' is the same entry as in line {line_of[entry.identity]}: keep one")
        line_of[entry.identity] = record.line
        entries.append(entry)
    return tuple(entries)


def _entry_of(record: _Object, kind: type[_AnyKnown], needed: Iterable[str]) -> _AnyKnown:
    """An entry of the file as a ``kind`` of entry; raises with its line where a field is unknown, wrong or missing."""
    names = [entry.name for entry in fields(kind)]
    for name, value in record.items():
        if name not in names:
            raise record.fail(f"unknown key '{name}'; known: {', '.join(names)}", name)
        if name == "suspicion" and not _is_share(value):
            raise record.fail(f"suspicion {json.dumps(value)} is not a number from 0 to 1", name)
        if name != "suspicion" and not isinstance(value, str):
            raise record.fail(f"{name} {json.dumps(value)} is not a text", name)
        if name in ("digest", "identity") and not _DIGEST.fullmatch(value):
            raise record.fail(f"{name} {json_line(value)} is not 32 hexadecimal digits: restore the entry", name)
        if name == "reviewer" and (value != value.strip() or not value.isprintable()):
            raise record.fail(
                f"reviewer {json_line(value)} is not a name: it begins or ends blank, or is more than a line", name
            )
    missing = [name for name in needed if not record.get(name)]
    if missing:
        raise record.fail(f"an entry without {', '.join(missing)}")
    return kind(**(record if kind is KnownFinding else _with_verdict(record)))


def _with_verdict(record: _Object) -> dict[str, Any]:
    """The fields of the verdict in ``record``, with its time in UTC; raises where they contradict each other."""
    verdict, label = record.get("verdict", ""), record.get("new_label", "")
    if verdict not in ("", *WORDS):
        raise record.fail(f"unknown verdict '{verdict}'; known: {', '.join(WORDS)}", "verdict")
    if verdict == "other" and not label:
        raise record.fail("verdict 'other' needs a new_label, the right class", "verdict")
    if not verdict and label:
        raise record.fail(f'new_label \'{label}\' without a verdict: add "verdict": "other"', "new_label")
    said = {name: record.get(name, "") for name in ("path", "digest", "given_label", "reviewer", "time")}
    suggested = record.get("suggested_label", "") if verdict == "suggested" else ""
    try:
        spoken = Verdict(**said, verdict=verdict or "skip", new_label=label or suggested)
    except DataError as error:
        raise record.fail(str(error), "time" if str(error).startswith("time ") else "verdict") from None
    label = "" if verdict == "given" else label
    return {**record, "new_label": label} | ({"time": spoken.time} if "time" in record else {})


def _is_share(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1
