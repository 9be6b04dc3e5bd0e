"""The verdict log as a file: appended to, never rewritten, and read back to the same text whatever a name holds.

Left out: line ends other than those the file has; what a spreadsheet saved is read and appended to as it is.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple
from pathlib import Path

from labelaudit.errors import DataError, LabelAuditError, RunError
from labelaudit.files import LockedError, locked, read_regular, use_copy
from labelaudit.text import count, guarded, unguarded
from labelaudit.verdicts.verdict import COLUMNS, VERDICTS, Verdict

FILE = "verdicts.csv"

_NEEDED = tuple(name for name in COLUMNS if name != "note")  # files of earlier versions have no notes
_LOCK_SECONDS = 30


def verdicts_file(run: Path | str) -> Path:
    """Path of the verdicts of a RUN."""
    return Path(run) / FILE


def read(path: Path | str, *, notice: Callable[[str], None] = lambda _: None) -> tuple[Verdict, ...]:
    """All verdicts of a file, oldest line first; none where there is no file.

    A last line that a crash left unfinished was never confirmed to anybody, and is passed over; ``notice`` hears of it.
    One that only lacks its line end counts, as editors write it. Further columns and their order do not matter.

    Raises:
        DataError: the file cannot be read, or a line is not a verdict; the line is named.
    """
    text = _decode(path, _bytes_of(path))
    done = _finished(path, text)
    found = tuple(_parse(path, text[:done]))
    if text[done:].strip():
        line = text.count("\n", 0, done) + 1
        notice(f"{path} ends in an unfinished line ({line}), which does not count: judge that image again.")
    return found


class GrowingLog:
    """A file of verdicts that is read again and again while several people append to it.

    Only what was added is parsed. The bytes before are compared with those read last: a file that was replaced, cut,
    merged or edited is read whole.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = path
        self._seen = b""
        """Bytes that need not be parsed again: whole lines, all of whose verdicts were returned."""

    def read(self) -> tuple[tuple[Verdict, ...], bool]:
        """The verdicts that were added since the last call, and True; where other things happened, all and False.

        Raises as `read` does.
        """
        data, seen = _bytes_of(self.path), self._seen
        if seen and data.startswith(seen):
            header = seen.lstrip(b"\r\n").partition(b"\n")[0] + b"\n"
            try:
                return self._parse(header + data[len(seen) :], len(header), seen), True
            except DataError:  # reading it whole tells the number of the line
                pass
        return self._parse(data, 0, b""), False

    def _parse(self, data: bytes, start: int, before: bytes) -> tuple[Verdict, ...]:
        """The verdicts in ``data``, of which the bytes from ``start`` on follow those ``before``."""
        self._seen = b""
        text = _decode(self.path, data)
        done = text[: _finished(self.path, text)]
        found = tuple(_parse(self.path, done))
        if done.endswith("\n") and done.count("\n") == data.count(b"\n"):
            self._seen = before + data[start : data.rfind(b"\n") + 1]
        return found


def _bytes_of(path: Path | str) -> bytes:
    """The content of a file; none where there is no file."""
    try:
        return read_regular(Path(path))
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise DataError(f"'{path}' cannot be read: {error.strerror or error}") from error


def _decode(path: Path | str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig", "surrogatepass")
    except UnicodeDecodeError as error:
        raise DataError(f"'{path}' is not UTF-8: save it as UTF-8") from error


class ChangedLog(LabelAuditError):
    """Somebody wrote into the file since it was read; nothing was added."""


def append(path: Path | str, *verdicts: Verdict, size: int | None = None) -> None:
    """Add ``verdicts`` to a file, made with its header where there is none. They are on disk when this returns.

    Several processes may append to one file: each call is a whole. Only an unfinished last line is ever taken away.
    ``size`` is how many bytes the file had when it was read, where the verdicts rest on what it said then.

    Raises:
        ChangedLog: the file has another ``size`` by now.
        RunError: the file cannot be written; what it held is as it was.
        DataError: the file that is there is no list of verdicts.
    """
    if not verdicts:
        return
    place = Path(path)
    try:
        with locked(place.parent.resolve(), seconds=_LOCK_SECONDS), place.open("ab+", buffering=0) as file:
            if size is not None and file.seek(0, os.SEEK_END) != size:
                raise ChangedLog(f"{path} was written to meanwhile")
            file.seek(0)
            text = file.read().decode("utf-8", "surrogatepass")
            done = text[: _finished(path, text)]
            before = len(done.encode("utf-8", "surrogatepass"))
            header = _header(path, done, _NEEDED)
            if header and "note" not in header and any(verdict.note for verdict in verdicts):
                raise DataError(f"'{path}' has no column 'note': add it to the first line, a comma to the others")
            new = [  # a person's own columns stay empty
                tuple(getattr(verdict, name) if name in COLUMNS else "" for name in header or COLUMNS)
                for verdict in verdicts
            ]
            data = _encode(new if header else [COLUMNS, *new])
            if done and not done.endswith("\n"):
                data = b"\n" + data
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
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(f"cannot write {path} ({place.parent} is not a folder): the verdict was not kept") from None
    except LockedError:
        raise RunError(f"{path} is locked by another process: the verdict was not kept, try again") from None
    except OSError as error:
        what = f"cannot write {path} ({error.strerror or error}): the verdict was not kept"
        raise RunError(f"{what}{use_copy(error, place.parent)}") from error


def render(verdicts: Iterable[Verdict]) -> str:
    """The text of a file of ``verdicts``."""
    return _encode([COLUMNS, *(astuple(verdict) for verdict in verdicts)]).decode("utf-8", "surrogatepass")


_MARKS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")


def _parse(path: Path | str, text: str) -> Iterator[Verdict]:
    """Yield the verdicts in the text of a file; raises `DataError`, naming the line, for what is none."""
    header = _header(path, text)
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    begun = False
    try:
        for cells in rows:
            if not any(cells) or not begun:
                begun = begun or any(cells)
                continue
            if len(cells) != len(header):
                if cells[0].startswith(_MARKS):
                    marks = f"'{path}' line {rows.line_num} is of a merge conflict ({cells[0][:7]})"
                    raise DataError(f"{marks}: take out its marks and keep the lines of both sides")
                found, wanted = count(len(cells), "cell"), count(len(header), "column")
                raise DataError(f"'{path}' line {rows.line_num} has {found} for {wanted}: complete it, or take it out")
            named = {name: unguarded(cell) for name, cell in zip(header, cells, strict=True) if name in COLUMNS}
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
    try:
        header = tuple(name.strip() for name in next(csv.reader([first])))
    except csv.Error as error:
        raise DataError(f"'{path}' line 1 cannot be parsed: {error}") from error
    if missing := [name for name in needed if name not in header]:
        raise DataError(f"'{path}' has no column '{missing[0]}': its first line must be {','.join(COLUMNS)}")
    return header


def _finished(path: Path | str, text: str) -> int:
    """Length of the finished lines of a file's text: up to the last line end that is in no quoted cell.

    Raises `DataError` where a quote never ends although verdicts follow it: that is damage, not an unfinished line.
    """
    end = text.rfind("\n") + 1
    if text.count('"', 0, end) % 2:  # the last line end is within a cell: where did that line begin?
        end = quotes = at = 0
        for line in text[: text.rfind("\n") + 1].split("\n")[:-1]:
            quotes, at = quotes + line.count('"'), at + len(line) + 1
            end = at if quotes % 2 == 0 else end
        lost = text[end:].split("\n")[:-1]  # a torn line has no end
        if any(line.count(",") >= len(_NEEDED) - 1 and set(line.split(",")) & set(VERDICTS) for line in lost):
            raise DataError(f"'{path}' line {text.count(chr(10), 0, end) + 1}: a quote that never ends")
    return len(text) if end < len(text) and _is_whole(text[:end], text[end:]) else end


def _is_whole(before: str, last: str) -> bool:
    """Whether ``last``, a line without its end, is a verdict to its last cell: then only the line end is missing."""
    header = _header("", before) if before else ()
    if not header or header[-1] != "time" or not last.endswith("Z"):  # any other cell could be cut
        return False
    try:
        return len(list(_parse("", ",".join(header) + "\n" + last))) == 1
    except DataError:
        return False


def _encode(rows: Iterable[Sequence[str]]) -> bytes:
    lines = []
    for cells in rows:
        line = io.StringIO(newline="")
        csv.writer(line).writerow([guarded(cell) for cell in cells])  # ends in \r\n, or \r in a cell stays unquoted
        lines.append(line.getvalue().removesuffix("\r\n") + "\n")
    return "".join(lines).encode("utf-8", "surrogatepass")
