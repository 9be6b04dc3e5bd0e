"""The queue for other labelling tools, and their answers back as verdicts.

One file is one `Format`; `tasks` is what they share, `matching` what becomes of answers. Left out: formats for anything
but one class an image.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from labelaudit import verdicts
from labelaudit.audit.document import Audit
from labelaudit.audit.originals import open_originals
from labelaudit.audit.run import check_file
from labelaudit.errors import MISTAKES, DataError, OptionError, RunError, unknown_name, writing
from labelaudit.files import fresh_text, read_regular
from labelaudit.outputs import format_by_ending
from labelaudit.review.exchange import cvat, label_studio, prodigy, table
from labelaudit.review.exchange.matching import Matched, match_answers, name_reviewers
from labelaudit.review.exchange.tasks import Answer, Format, Task, check_classes, make_tasks
from labelaudit.review.queue import open_queue
from labelaudit.text import count, spell_path

FORMATS: Mapping[str, Format] = {
    "label-studio": label_studio.FORMAT,
    "cvat": cvat.FORMAT,
    "prodigy": prodigy.FORMAT,
    "csv": table.FORMAT,
}


@dataclass(frozen=True)
class Export:
    """A queue that is to be written as tasks for another tool."""

    file: Path
    """The file to write; others may come beside it."""
    _: KW_ONLY
    format: str | None = None
    """One of `FORMATS`; by the file's ending unless said."""
    order: str = "worst"
    """One of `ORDERS`; a blind order leaves out what the model thinks."""
    data: Path | None = None
    """The present place of the images, if the dataset was moved."""
    embed: bool = False
    """Whether to put the images into the file."""
    prefix: str | None = None
    """The text that the tool puts before an image's path; what it expects by default unless said."""
    again: bool = False
    """Whether to hand out what has been judged already, too."""


@dataclass(frozen=True)
class Exported:
    """The files that an export wrote, and advice on using them."""

    files: tuple[Path, ...]
    tasks: int
    advice: tuple[str, ...]
    """The next steps with the files, a sentence each."""


def format_of(file: Path, name: str | None = None) -> str:
    """The format ``name``, or that of the file's ending.

    Raises:
        OptionError: unknown, or the ending says nothing.

    >>> format_of(Path("queue.jsonl"))
    'prodigy'
    """
    if name is not None:
        if name not in FORMATS:
            raise unknown_name("format", name, FORMATS)
        return name
    read = file.with_suffix(".xml") if file.suffix.lower() == ".zip" else file
    endings = {format_.suffix: key for key, format_ in FORMATS.items()}
    return format_by_ending(str(file), read, endings, "or say which with `format`")


def export_queue(audit: Audit, run: Path, asked: Export) -> Exported:
    """Write what is still to be judged in the RUN folder ``run`` of ``audit`` as tasks for another tool.

    Raises:
        OptionError: no such format or order, the format cannot hold what was asked for, the file lies in the data, or
            is a table that is there already: people fill in these.
        RunError: nothing is left to judge, the images are not there, or a file cannot be written.
    """
    name, file = format_of(asked.file, asked.format), asked.file
    format_ = FORMATS[name]
    if asked.embed and not format_.embeds:
        raise OptionError(f"{name} cannot hold images: leave `embed` away, or use label-studio or prodigy")
    check_file("`export`", file, run, asked.data or audit.source.get("data"))
    if name == "csv" and file.is_file():
        raise OptionError(f"'{file}' is there already and may hold answers: import it, move it away or name another")
    queue, _, reviewed, notes = open_queue(audit, run, asked.order)
    if not asked.again:
        queue = replace(queue, rows=tuple(row for row in queue.rows if row not in reviewed.settled))
    if not queue.rows:
        raise RunError("everything in this queue is judged: `again` exports it all the same")
    images = open_originals(audit, asked.data) if asked.embed or format_.measures else None
    prefix = asked.prefix
    if prefix is None:
        prefix = format_.prefix or (_folder(audit, asked.data) if format_.embeds else "")
    check_classes(audit.samples.classes)
    left_out = list[str]()
    tasks = make_tasks(audit, queue, prefix=prefix, images=images, embed=asked.embed, left_out=left_out)
    first = next(tasks, None)
    if first is None:
        raise RunError(
            f"all {len(left_out):,} images of this queue are missing or were changed since the scan, first "
            f"'{left_out[0]}': name their place with `data`, or scan again"
        )
    files = _write(chain((first,), tasks), audit.samples.classes, format_, file)
    advice = list(format_.advise(file, f"labelaudit verdicts import {spell_path(run)}"))
    if format_.by_path and not asked.embed and "://" not in prefix:
        advice.append(format_.by_path)
    if left_out:
        advice.append(
            f"Left out as missing or changed since the scan: {count(len(left_out), 'image')}, first '{left_out[0]}'."
        )
    return Exported(
        files=files,
        tasks=len(queue.rows) - len(left_out),
        advice=(*advice, *notes, *reviewed.notes),
    )


def _write(tasks: Iterable[Task], classes: Sequence[str], format_: Format, file: Path) -> tuple[Path, ...]:
    """Write ``tasks`` to ``file`` and what belongs to it beside it, whole or not at all."""
    with writing(file), fresh_text(file, errors="backslashreplace") as opened:
        format_.write(tasks, opened)
    if format_.setup is None:
        return (file,)
    beside = file.with_suffix(format_.setup_suffix)
    with writing(beside), fresh_text(beside, errors="backslashreplace") as opened:
        opened.write(format_.setup(classes))
    return file, beside


def read_answers(
    audit: Audit, file: Path, run: Path, *, name: str | None = None, reviewer: str | None = None
) -> Matched:
    """Match the answers in ``file`` with the RUN; nothing is written.

    Args:
        audit: of the RUN.
        file: what the tool exported.
        run: RUN folder, whose verdicts are taken into account.
        name: format; by the file's ending unless said.
        reviewer: whose answers these are; as the file says unless said.

    Raises:
        DataError: the file cannot be read, is damaged, or is not an export of that format.
        OptionError: unknown format.
    """
    chosen = format_of(file, name)
    try:
        data = read_regular(file)
        time = datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat()
    except OSError as error:
        raise DataError(f"'{file}' cannot be read: {error.strerror or error}") from error
    if name is None and chosen == "csv" and label_studio.is_table(data):
        chosen = "label-studio"
    try:
        answers = list(FORMATS[chosen].read(data))
    except DataError as error:
        raise DataError(f"'{file}' as {chosen}: {error}; nothing was imported") from error
    except MISTAKES:
        raise
    except Exception as error:  # what an export of something else raises is no closed list
        raise DataError(f"'{file}' is not an export of {chosen} ({error}): nothing was imported") from error
    if answers and all(isinstance(one, Answer) and not (one.path or one.digest) for one in answers):
        own = "labels of a project of your own are read by `labelaudit scan`, as `labels`"
        raise DataError(f"'{file}' comes from no export of a RUN: {own}")
    torn: list[str] = []
    log = verdicts.read(verdicts.verdicts_file(run), notice=torn.append)
    found = match_answers(audit, name_reviewers(answers, reviewer, chosen), log, time=time)
    return replace(found, notes=tuple(torn))


def _folder(audit: Audit, data: Path | None) -> str:
    """The folder of the images with a slash behind it; empty where they lie in no folder."""
    place = data or Path(audit.source.get("data") or "")
    return f"{place.resolve().as_posix()}/" if str(place) != "." and place.is_dir() else ""
