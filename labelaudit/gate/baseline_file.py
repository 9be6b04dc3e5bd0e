"""The file of a baseline, which lives beside the code.

JSON made for ``git diff``: one suspect or finding a line, sorted by path, suspicions to two digits, and no time stamp,
so that the same audit gives the same bytes. People may write verdicts and notes into it by hand, and formatters may
lay it out anew. Left out: reading what a newer labelaudit wrote; it is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from labelaudit.errors import RunError
from labelaudit.folders import write_text
from labelaudit.gate.baseline import WORDS, Baseline, Known, KnownFinding, Noise

SCHEMA_VERSION = 1
"""Of the file; raised when a reader of the old form would misread the new one."""
KIND = "labelaudit baseline"

_MARKER = re.compile(r"(<{7}|={7}|>{7}|\|{7})( |$)")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\n]')
_AnyKnown = TypeVar("_AnyKnown", Known, KnownFinding)


def read(path: Path | str) -> Baseline:
    """The baseline of a file.

    Raises:
        RunError: it is missing, damaged, holds an entry twice or a merge conflict (each with the line), or a newer
            labelaudit wrote it.
    """
    place = Path(path)
    try:
        text = place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise RunError(f"no baseline in {path} ({why}): make one with --write-baseline {path}") from None
    for number, line in enumerate(text.split("\n"), 1):
        if _MARKER.match(line):
            raise RunError(
                f"{path}:{number}: a merge conflict ({line[:7]}): join the two with `labelaudit baseline merge`"
            )
    try:
        return _parse(_decode(text))
    except _WrongLineError as error:
        raise RunError(f"{path}:{error.line}: {error}") from None
    except json.JSONDecodeError as error:
        raise RunError(f"{path}:{error.lineno}: no JSON ({error.msg}): restore it, or make a new one") from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, brackets thousands deep
        raise RunError(f"{path}:1: no baseline ({error}): restore it, or make a new one") from None


def write(baseline: Baseline, path: Path | str) -> None:
    """Write ``baseline`` whole or not at all; the same baseline gives the same bytes.

    Raises:
        RunError: the file cannot be written; an earlier one is as it was.
    """
    try:
        write_text(dumps(baseline), Path(path).resolve())
    except OSError as error:
        raise RunError(f"cannot write the baseline {path} ({error.strerror or error})") from None


def dumps(baseline: Baseline) -> str:
    """The text of the file."""
    noise = {name: [round(end, 4) for end in value] for name, value in sorted(baseline.noise.items())}
    parts = [
        f'"schema_version": {SCHEMA_VERSION}',
        f'"kind": {_json(KIND)}',
        _block("dataset", (f"{_json(name)}: {_json(value)}" for name, value in baseline.dataset.items()), "{}"),
        _block("settings", (f"{_json(name)}: {_json(value)}" for name, value in baseline.settings.items()), "{}"),
        _block("noise", (f"{_json(name)}: {_json(value)}" for name, value in noise.items()), "{}"),
        _block("suspects", (_json(_entry(known)) for known in baseline.suspects), "[]"),
        _block("findings", (_json(_entry(known)) for known in baseline.findings), "[]"),
    ]
    return "{\n" + ",\n".join(f"  {part}" for part in parts) + "\n}\n"


def _entry(known: Known | KnownFinding) -> dict[str, Any]:
    """What is not empty; the suspicion always."""
    record = {entry.name: getattr(known, entry.name) for entry in fields(known)}
    return {name: value for name, value in record.items() if value or name == "suspicion"}


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)  # lone surrogates, U+2028 and the like


def _block(name: str, lines: Iterable[str], brackets: str) -> str:
    inside = ",\n".join(f"    {line}" for line in lines)
    return f'"{name}": {brackets[0]}' + (f"\n{inside}\n  " if inside else "") + brackets[1]


class _WrongLineError(ValueError):
    """What is wrong, and on which line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class _Object(dict[str, Any]):
    """A JSON object that knows the line it begins on. A key that stands twice is an error: one would be lost."""

    def __init__(self, pairs: list[tuple[str, Any]], line: int) -> None:
        super().__init__(pairs)
        self.line = line
        if len(self) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise self.fail(f"'{twice}' stands twice in one object: keep one")

    def fail(self, message: str) -> _WrongLineError:
        return _WrongLineError(self.line, message)


def _decode(text: str) -> Any:
    """The document, its objects with their lines: objects are finished in the order in which their braces close."""
    lines = iter(_lines_of_objects(text))
    return json.loads(text, object_pairs_hook=lambda pairs: _Object(pairs, next(lines, 1)), parse_constant=_refuse)


def _lines_of_objects(text: str) -> Iterable[int]:
    line, begun = 1, list[int]()
    for token in _TOKEN.finditer(text):
        if token[0] == "\n":
            line += 1
        elif token[0] == "{":
            begun.append(line)
        elif token[0] == "}" and begun:
            yield begun.pop()


def _refuse(constant: str) -> float:
    raise _WrongLineError(1, f"{constant} is no number that JSON knows: restore the file, or make a new one")


def _parse(document: Any) -> Baseline:
    """Checks everything; whatever is wrong names its line."""
    if not isinstance(document, _Object) or document.get("kind") != KIND:
        raise _WrongLineError(1, f'no baseline (its "kind" is not "{KIND}"): name another file')
    version = document.get("schema_version")
    if type(version) is not int or version < 1:
        raise document.fail("schema_version is missing or no number: restore the file, or make a new one")
    if version > SCHEMA_VERSION:
        raise document.fail(
            f"written by a newer labelaudit (schema {version}, this one reads up to {SCHEMA_VERSION}): "
            "pip install -U labelaudit"
        )
    noise = _mapping(document, "noise")
    for name, value in noise.items():
        if not (isinstance(value, list) and len(value) == 3 and all(map(_is_share, value))):
            raise noise.fail(f"noise of '{name}': must be three shares [rate, low, high]")
        if value[1] > value[2]:
            raise noise.fail(f"noise of '{name}': its interval ends at {value[2]}, before it begins at {value[1]}")
    return Baseline(
        dataset=_mapping(document, "dataset"),
        settings=_mapping(document, "settings"),
        noise={name: Noise(*value) for name, value in noise.items()},
        suspects=_entries(document, "suspects", Known, ("path", "digest", "given_label")),
        findings=_entries(document, "findings", KnownFinding, ("path", "kind", "identity")),
    )


def _mapping(document: _Object, name: str) -> _Object:
    part = document.get(name)
    if not isinstance(part, _Object):
        raise document.fail(f"'{name}' is missing or no object: restore the file, or make a new one")
    return part


def _entries(document: _Object, name: str, kind: type[_AnyKnown], needed: Iterable[str]) -> tuple[_AnyKnown, ...]:
    """The entries of a list, each checked, no identity twice."""
    part = document.get(name)
    if not isinstance(part, list):
        raise document.fail(f"'{name}' is missing or no list: restore the file, or make a new one")
    line_of: dict[object, int] = {}
    entries = []
    for record in part:
        if not isinstance(record, _Object):
            raise document.fail(f"'{name}' holds {json.dumps(record)}, which is no entry")
        entry = _entry_of(record, kind, needed)
        if entry.identity in line_of:
            raise record.fail(f"'{entry.path}' is the same entry as in line {line_of[entry.identity]}: keep one")
        line_of[entry.identity] = record.line
        entries.append(entry)
    return tuple(entries)


def _entry_of(record: _Object, kind: type[_AnyKnown], needed: Iterable[str]) -> _AnyKnown:
    names = [entry.name for entry in fields(kind)]
    for name, value in record.items():
        if name not in names:
            raise record.fail(f"unknown key '{name}'; known: {', '.join(names)}")
        if name == "suspicion" and not _is_share(value):
            raise record.fail(f"suspicion {json.dumps(value)} is no number from 0 to 1")
        if name != "suspicion" and not isinstance(value, str):
            raise record.fail(f"{name} {json.dumps(value)} is no text")
    missing = [name for name in needed if not record.get(name)]
    if missing:
        raise record.fail(f"an entry without {', '.join(missing)}")
    if record.get("verdict", "") not in ("", *WORDS):
        raise record.fail(f"unknown verdict '{record['verdict']}'; known: {', '.join(WORDS)}")
    if record.get("verdict") == "other" and not record.get("new_label"):
        raise record.fail("verdict 'other' needs a new_label, the right class")
    return kind(**record)


def _is_share(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1
