"""What people decided about samples: ``verdicts.csv`` in a RUN, one line for each decision, never rewritten.

A verdict belongs to an image's content under a label, not to a path: it survives renaming and re-scanning, and a
changed image or label has to be looked at again. The file is a log. The last verdict of each reviewer counts, ``undo``
takes the one before it back, reviewers who disagree leave a dispute instead of a result. A cell that a spreadsheet
would execute gets a leading ``'``, which is taken off again when the file is read.

Left out: who may judge what, and editing old lines; people can, with a text editor.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from labelaudit.document import Audit
from labelaudit.errors import DataError, RunError

VERDICTS = ("given", "suggested", "other", "none", "skip", "undo")
"""given: the given label is right · suggested: the suggested one is · other: another class is · none: no class of the
dataset is · skip: cannot tell · undo: the reviewer's verdict before this one is taken back."""
COLUMNS = ("path", "digest", "given_label", "verdict", "new_label", "reviewer", "time")
FILE = "verdicts.csv"

_EXECUTABLE = re.compile(r"'*[=+\-@\t\r\n]", re.DOTALL)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_LOCK_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One line of ``verdicts.csv``. Raises `DataError` where the parts contradict each other.

    >>> Verdict(path="a.png", digest="00", given_label="cat", verdict="other", new_label="dog").right
    'dog'
    """

    path: str
    """Where the image lay, relative to the data root; for people."""
    digest: str
    given_label: str
    verdict: str
    """One of `VERDICTS`. Choosing the given label as the right one is always stored as ``given``."""
    new_label: str = ""
    """The right class for ``suggested``, ``other`` and ``given``; empty for the rest."""
    reviewer: str = ""
    time: str = ""
    """In UTC, such as ``2026-11-21T06:30:00Z``; any ISO 8601 time is brought into this form. May be empty."""

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise DataError(f"verdict '{self.verdict}' on '{self.path}' is none of {', '.join(VERDICTS)}")
        if not self.digest or not self.given_label:
            raise DataError(f"verdict on '{self.path}' names no {'given_label' if self.digest else 'digest'}")
        if self.verdict in ("suggested", "other") and not self.new_label:
            raise DataError(f"verdict '{self.verdict}' on '{self.path}' needs the right class in new_label")
        if self.verdict in ("none", "skip", "undo") and self.new_label:
            raise DataError(f"verdict '{self.verdict}' on '{self.path}' has no new_label, not '{self.new_label}'")
        if self.verdict == "given" and self.new_label not in ("", self.given_label):
            raise DataError(f"verdict 'given' on '{self.path}' keeps '{self.given_label}', not '{self.new_label}'")
        if self.verdict == "given" or self.new_label == self.given_label:
            object.__setattr__(self, "verdict", "given")
            object.__setattr__(self, "new_label", self.given_label)
        object.__setattr__(self, "time", _utc(self.time, self.path))

    @property
    def identity(self) -> tuple[str, str]:
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


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """What people's verdicts say about the samples of one audit."""

    settled: Mapping[int, Verdict] = field(default_factory=dict)
    """Row of the audit's samples -> the verdict in force; its right class, if any, is a class of the audit. Copies of
    an image under the same label share it."""
    skipped: tuple[int, ...] = ()
    """Rows that somebody looked at and nobody could tell."""
    disputed: Mapping[int, tuple[Verdict, ...]] = field(default_factory=dict)
    """Rows on which reviewers disagree, with the last verdict of each."""
    strangers: tuple[Verdict, ...] = ()
    """Verdicts in force that cannot count here: on an image the audit does not have, or has changed or under another
    label, or for a class it does not know."""
    notes: tuple[str, ...] = ()
    """One sentence for each kind of thing that a person should know before relying on the verdicts."""


def verdicts_file(run: Path | str) -> Path:
    """Where the verdicts of a RUN are kept."""
    return Path(run) / FILE


def now() -> str:
    """The time of a verdict that is made now."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(path: Path | str) -> tuple[Verdict, ...]:
    """All verdicts of a file, oldest line first; none where there is no file.

    A last line that a crash left unfinished was never confirmed to anybody, and is passed over. Further columns and
    their order do not matter.

    Raises:
        DataError: the file cannot be read, or a line is no verdict; the line is named.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig", "surrogatepass")
    except FileNotFoundError:
        return ()
    except UnicodeDecodeError as error:
        raise DataError(f"'{path}' is not UTF-8: save it as UTF-8") from error
    except OSError as error:
        raise DataError(f"'{path}' cannot be read: {error.strerror or error}") from error
    return tuple(_parse(path, text[: _finished(path, text)]))


def append(path: Path | str, *verdicts: Verdict) -> None:
    """Add ``verdicts`` to a file, made with its header where there is none. They are on disk when this returns.

    Several processes may append to one file: each call is a whole. Only an unfinished last line is ever taken away.

    Raises:
        RunError: the file cannot be written; what it held is as it was.
        DataError: the file that is there is no list of verdicts.
    """
    from filelock import FileLock, Timeout

    if not verdicts:
        return
    place = Path(path)
    if not place.parent.is_dir():
        raise RunError(f"cannot write {path} ({place.parent} is no folder): the verdict was not kept")
    try:
        with (
            FileLock(place.with_name(f".{place.name}.lock"), timeout=_LOCK_SECONDS),
            place.open("ab+", buffering=0) as file,
        ):
            file.seek(0)
            text = file.read().decode("utf-8", "surrogatepass")
            done = text[: _finished(path, text)]
            before = len(done.encode("utf-8", "surrogatepass"))
            header = _header(path, done, COLUMNS)
            new = [_arranged(verdict, header or COLUMNS) for verdict in verdicts]
            data = _encode(new if header else [COLUMNS, *new])
            try:
                file.truncate(before)
                if file.write(data) != len(data):
                    raise OSError(None, "the disk took only a part")
                os.fsync(file.fileno())
            except OSError:
                file.truncate(before)
                raise
    except UnicodeDecodeError as error:
        raise DataError(f"'{path}' is not UTF-8: save it as UTF-8") from error
    except Timeout:
        raise RunError(f"{path} is locked by another process: the verdict was not kept, try again") from None
    except OSError as error:
        raise RunError(f"cannot write {path} ({error.strerror or error}): the verdict was not kept") from error


def render(verdicts: Iterable[Verdict]) -> str:
    """The text of a file of ``verdicts``."""
    return _encode([COLUMNS, *(astuple(verdict) for verdict in verdicts)]).decode("utf-8", "surrogatepass")


def merge(*logs: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """All verdicts of several logs in the order of time; what two copies of a log have in common counts once.

    A verdict without a time keeps its place after the one before it.
    """
    most: Counter[Verdict] = Counter()
    kept: list[tuple[str, Verdict]] = []
    for log in logs:
        seen: Counter[Verdict] = Counter()
        for time, verdict in _timed(log):
            seen[verdict] += 1
            if seen[verdict] > most[verdict]:
                most[verdict] += 1
                kept.append((time, verdict))
    return tuple(verdict for _, verdict in sorted(kept, key=lambda entry: entry[0]))


def match(audit: Audit, verdicts: Sequence[Verdict]) -> Reviewed:
    """Bring ``verdicts`` (in the file's order) and the samples of ``audit`` together by content and given label."""
    last = in_force(verdicts)
    samples, digests = audit.samples, {digest for digest, _ in last}
    rows_of: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for row, digest in enumerate(samples.digests):
        if digest in digests:
            rows_of[audit.identity(row)].append(row)
    settled: dict[int, Verdict] = {}
    disputed: dict[int, tuple[Verdict, ...]] = {}
    skipped: list[int] = []
    strangers: list[Verdict] = []
    known = {None, *samples.classes}
    for identity, all_told in last.items():
        rows = rows_of.get(identity, [])
        told = tuple(verdict for verdict in all_told if verdict.verdict != "skip")
        strangers += [verdict for verdict in told if not rows or verdict.right not in known]
        understood = tuple(verdict for verdict in told if verdict.right in known)
        if not told:
            skipped += rows
        elif len({verdict.right for verdict in understood}) > 1:
            disputed |= dict.fromkeys(rows, understood)
        elif understood:
            settled |= dict.fromkeys(rows, understood[-1])
    return Reviewed(
        settled=dict(sorted(settled.items())),
        skipped=tuple(sorted(skipped)),
        disputed=dict(sorted(disputed.items())),
        strangers=tuple(strangers),
        notes=tuple(_notes(audit, rows_of, disputed, strangers)),
    )


def in_force(verdicts: Sequence[Verdict]) -> dict[tuple[str, str], tuple[Verdict, ...]]:
    """Identity -> the last verdict of each reviewer who has one left, oldest first."""
    trails: dict[tuple[str, str], dict[str, list[tuple[int, Verdict]]]] = {}
    ordered = sorted(_timed(verdicts), key=lambda entry: entry[0])  # stable: equal times keep the file's order
    for place, (_, verdict) in enumerate(ordered):
        trail = trails.setdefault(verdict.identity, {}).setdefault(verdict.reviewer, [])
        if verdict.verdict != "undo":
            trail.append((place, verdict))
        elif trail:
            trail.pop()
    last = {
        identity: sorted((trail[-1] for trail in people.values() if trail), key=lambda entry: entry[0])
        for identity, people in trails.items()
    }
    return {identity: tuple(verdict for _, verdict in left) for identity, left in last.items() if left}


def _timed(log: Iterable[Verdict]) -> Iterator[tuple[str, Verdict]]:
    """Each verdict with its time, or that of the one before it where it has none."""
    time = ""
    for verdict in log:
        time = verdict.time or time
        yield time, verdict


def _notes(
    audit: Audit,
    rows_of: Mapping[tuple[str, str], Sequence[int]],
    disputed: Mapping[int, tuple[Verdict, ...]],
    strangers: Sequence[Verdict],
) -> Iterator[str]:
    row_of = {name: row for row, name in enumerate(audit.samples.ids)} if strangers else {}
    labels_of: defaultdict[str, set[str]] = defaultdict(set)
    for digest, label in rows_of:
        labels_of[digest].add(label)
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for verdict in strangers:
        if verdict.identity in rows_of:
            what = f"{verdict.path} ('{verdict.right}')"
            reasons["for a class that the audit does not have"].append(what)
        elif verdict.digest in labels_of:
            what = f"{verdict.path} ('{verdict.given_label}' then, '{min(labels_of[verdict.digest])}' now)"
            if verdict.right in labels_of[verdict.digest]:
                reasons["on labels that have been corrected as they said"].append(what)
            else:
                reasons["on images whose label has changed since"].append(what)
        elif verdict.path in row_of:
            reasons["on images that were changed since the review"].append(verdict.path)
        else:
            reasons["on images that the audit does not have"].append(verdict.path)
    for reason, places in reasons.items():
        yield f"{_count(places, 'verdict')} {reason}, first {places[0]}: left out."
    if disputed:
        row = next(iter(sorted(disputed)))
        said = ", ".join(f"{v.reviewer or 'somebody'}: {v.right or 'no class'}" for v in disputed[row])
        yield f"Reviewers disagree on {_count(disputed, 'image')}, first {audit.samples.ids[row]} ({said})."


def _count(things: Sequence[str] | Mapping[int, object], name: str) -> str:
    return f"{len(things):,} {name}{'s' * (len(things) > 1)}"


def _utc(time: str, path: str) -> str:
    """``time`` in UTC to the second; a time without a zone is taken for UTC."""
    if not time:
        return ""
    try:
        moment = datetime.fromisoformat(time)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        raise DataError(f"time '{time}' of the verdict on '{path}' must be like 2026-11-21T06:30:00Z") from None


def _parse(path: Path | str, text: str) -> Iterator[Verdict]:
    header = _header(path, text)
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    begun = False
    try:
        for cells in rows:
            if not any(cells) or not begun:
                begun = begun or any(cells)
                continue
            if len(cells) != len(header):
                raise DataError(f"'{path}' line {rows.line_num} has {len(cells)} cells for {len(header)} columns")
            named = {name: _bare(cell) for name, cell in zip(header, cells, strict=True) if name in COLUMNS}
            try:
                yield Verdict(**named)
            except DataError as error:
                raise DataError(f"'{path}' line {rows.line_num}: {error}") from None
    except csv.Error as error:
        raise DataError(f"'{path}' line {rows.line_num} cannot be parsed: {error}") from error


def _header(path: Path | str, text: str, needed: Sequence[str] = COLUMNS[:4]) -> tuple[str, ...]:
    """The columns of a file, among them those ``needed``; none where there is nothing yet."""
    first = text.removeprefix("\ufeff").lstrip("\r\n").partition("\n")[0].rstrip("\r")
    if not first.strip():
        return ()
    header = tuple(name.strip() for name in next(csv.reader([first])))
    if missing := [name for name in needed if name not in header]:
        raise DataError(f"'{path}' has no column '{missing[0]}': its first line must be {','.join(COLUMNS)}")
    return header


def _arranged(verdict: Verdict, header: Sequence[str]) -> tuple[str, ...]:
    """``verdict`` in the columns of a file; a person's own columns stay empty."""
    return tuple(getattr(verdict, name) if name in COLUMNS else "" for name in header)


def _finished(path: Path | str, text: str) -> int:
    """How much of a file's text is finished lines: up to the last line end that is in no quoted cell.

    Raises `DataError` where a quote never ends although verdicts follow it: that is damage, not an unfinished line.
    """
    end = text.rfind("\n") + 1
    if text.count('"', 0, end) % 2:  # the last line end is within a cell: where did that line begin?
        end = quotes = at = 0
        for line in text[: text.rfind("\n") + 1].split("\n")[:-1]:
            quotes, at = quotes + line.count('"'), at + len(line) + 1
            end = at if quotes % 2 == 0 else end
        lost = text[end:].split("\n")[:-1]  # a torn line has no end
        if any(line.count(",") >= len(COLUMNS) - 1 and set(line.split(",")) & set(VERDICTS) for line in lost):
            raise DataError(f"'{path}' line {text.count(chr(10), 0, end) + 1}: a quote that never ends")
    return end


def _encode(rows: Iterable[Sequence[str]]) -> bytes:
    lines = []
    for cells in rows:
        line = io.StringIO(newline="")
        csv.writer(line).writerow([_guarded(cell) for cell in cells])  # ends in \r\n, or \r in a cell stays unquoted
        lines.append(line.getvalue().removesuffix("\r\n") + "\n")
    return "".join(lines).encode("utf-8", "surrogatepass")


def _guarded(cell: str) -> str:
    """``cell`` with a ``'`` before what a spreadsheet would execute; `_bare` takes exactly that back."""
    return f"'{cell}" if _EXECUTABLE.match(cell) and not _NUMBER.fullmatch(cell) else cell


def _bare(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _EXECUTABLE.match(cell) else cell
