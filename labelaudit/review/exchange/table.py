"""CSV: one line an image, to be filled in with any spreadsheet.

A person writes into ``verdict`` one of given, suggested, other, none, skip, or only the right class into ``new_label``;
lines with neither were not judged. Cells that a spreadsheet would execute are guarded as in ``suspects.csv``. Left out:
whole verdict logs, which `labelaudit verdicts merge` joins.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

from labelaudit.errors import DataError
from labelaudit.review.exchange.tasks import CANNOT_TELL, NO_CLASS, Answer, Format, Refused, Task, answered
from labelaudit.text import Lines, cell, spell_path, unguarded

_OPINION = ("suggested_label", "label_score", "reason")
_COLUMNS = ("path", "digest", "given_label", *_OPINION, "verdict", "new_label", "reviewer", "time")
_CLASS = {"given": "given_label", "suggested": "suggested_label", "other": "new_label"}


def write(tasks: Iterable[Task], file: TextIO) -> None:
    """A header and one line a task; the last four cells are the reviewer's."""
    writer = csv.writer(Lines(file))
    writer.writerow(_COLUMNS)
    for task in tasks:
        told: Mapping[str, str | float] = {**task.identity(), **task.opinion()}
        writer.writerow([cell(told.get(name, "")) for name in _COLUMNS])


def advise(file: Path, back: str) -> tuple[str, ...]:
    """The next steps with the file, a sentence each; ``back`` begins the command that reads answers."""
    return (
        "Fill in 'verdict' (given, suggested, other, none, skip) or just the right class in 'new_label', then "
        f"{back} {spell_path(file)}",
    )


def read(data: bytes) -> Iterator[Answer | Refused]:
    """The lines that were filled in; raises `DataError` for what is no such table."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("it is not UTF-8: save it as CSV UTF-8") from None
    head = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if head.count(";") > head.count(",") else ",")
    if "path" not in (rows.fieldnames or ()) and "digest" not in (rows.fieldnames or ()):
        raise DataError("it has neither a column 'path' nor 'digest'")
    if "verdict" not in (rows.fieldnames or ()) and "new_label" not in (rows.fieldnames or ()):
        raise DataError(
            f"it has neither a column 'verdict' ({', '.join(_CLASS)}, none or skip) nor 'new_label' (the right class)"
        )
    try:
        for line in rows:
            if None in line or None in line.values():
                many = len(rows.fieldnames or ())
                yield Refused(
                    f"line {rows.line_num}", line.get("path") or "", f"has not the {many} cells of the header"
                )
                continue
            told = {name: unguarded(line.get(name) or "") for name in _COLUMNS}
            if told["verdict"].strip() or told["new_label"]:
                yield _answer(f"line {rows.line_num}", told)
    except csv.Error as error:
        raise DataError(f"line {rows.line_num} cannot be parsed ({error})") from None


def _answer(name: str, told: Mapping[str, str]) -> Answer | Refused:
    verdict, named = told["verdict"].strip().lower(), told["new_label"]
    if verdict not in ("", "none", "skip", *_CLASS):
        return Refused(name, told["path"], f"has verdict '{verdict}': use {', '.join(_CLASS)}, none or skip")
    text = {"none": NO_CLASS, "skip": CANNOT_TELL}.get(verdict) or told[_CLASS.get(verdict, "new_label")]
    if not text and verdict in ("suggested", "given"):
        text = named
    if not text:
        return Refused(name, told["path"], f"says '{verdict}' and names no class: write it into new_label")
    if named not in ("", text):
        said = f"'{verdict}'" if verdict in ("none", "skip") else f"'{verdict}' ({text})"
        return Refused(name, told["path"], f"says {said} and '{named}': leave one of them")
    kind, label = answered(text)
    place = {key: told[key] for key in ("path", "digest", "given_label", "reviewer", "time")}
    if verdict == "given":
        place["given_label"] = text  # which must be that of the audit, also where the table has no such column
    return Answer(entry=name, kind="suggested" if verdict == "suggested" else kind, label=label, **place)


FORMAT = Format(suffix=".csv", write=write, read=read, advise=advise)
