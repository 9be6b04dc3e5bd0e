"""The RUN folder: written whole or not at all, replaced without losing what people put in it, read back.

All files are written to a hidden sibling folder first, which then takes the place of the old RUN by two renames.
Whatever else lies in the old RUN (verdicts, plans, notes) moves along, under the lock that a verdict is appended under:
a review goes on while a scan ends. Of two scans into one RUN the later one wins, whole.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from labelaudit.arrays import map_arrays
from labelaudit.audit import csv, json, npz, parquet
from labelaudit.audit.document import Audit
from labelaudit.audit.groups import list_groups
from labelaudit.data.ingest import digest_file
from labelaudit.errors import MISTAKES, OptionError, RunError, reason_of, writing
from labelaudit.files import is_partial, not_written, recover, sibling, swap, sweep
from labelaudit.judge import FILE as JUDGE
from labelaudit.outputs import check_apart, check_outputs

REPORT, MARKDOWN = "report.html", "report.md"
"""Names of the pages in a RUN folder, which `labelaudit.reports` adds."""

AUDIT, ARRAYS = "audit.json", "evidence.npz"
SHOWN = ("suspects.csv", "samples.csv", "summary.json", AUDIT, ARRAYS)
"""The files of a RUN in the order in which they are shown; a large one has `TABLE` in place of ``samples.csv``."""
TABLE = "samples.parquet"
GROUPS = "groups.csv"
"""One row per group of images that must not vouch for each other; only where there are such groups."""
FILES = (*SHOWN, TABLE, JUDGE, GROUPS, REPORT, MARKDOWN)
"""Every file of a RUN that is ours; the others are people's."""


def check_output(
    output: Path | str, data: Path | str | None = None, *, notice: Callable[[str], None] = lambda _: None
) -> None:
    """Check that a RUN can be written to ``output``, before the long work, so that it is not lost at its end.

    ``notice`` hears that an earlier RUN is there, which will be replaced.

    Raises:
        OptionError: ``output`` lies inside the folder ``data``, or holds it.
        RunError: ``output`` is a file, holds other people's files, or cannot be created there.
    """
    if isinstance(output, str) and not output:
        raise OptionError("`output` is empty: name a folder")
    place = Path(output).resolve()
    check_apart(output, {"data": data if data is not None and Path(data).is_dir() else None})
    _check_replaceable(place, output)
    if _is_ours(place):
        notice(f"{output} holds an earlier result, which this one will replace; verdicts and files of yours stay.")
    parent = next(folder for folder in place.parents if folder.exists())
    with writing(output, "choose another folder with `output`"):
        Path(tempfile.mkdtemp(prefix=".labelaudit-", dir=parent)).rmdir()


def check_file(option: str, file: Path, run: Path | str, data: Path | str | None) -> None:
    """Refuse a ``file`` in the RUN folder ``run``, whose verdicts it could overwrite, or in the ``data``.

    Raises:
        OptionError: it lies there, or is the ``data``.
        RunError: it is a folder, or lies in none.
    """
    place = None if data is None else Path(data)
    check_outputs([(option, file)], {"the data": place}, {"the RUN": Path(run), "the data": place})


def write(audit: Audit, folder: Path | str) -> dict[str, Path]:
    """Write all files of a RUN but its pages and return them by name, in the order in which they are shown.

    Interrupted or failed, it leaves an earlier RUN as it was.

    Raises:
        RunError: ``folder`` holds other people's files, or cannot be written.
    """
    place = Path(folder).resolve()
    _check_replaceable(place, folder)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        sweep(place)
        with sibling(place) as fresh:
            with ThreadPoolExecutor(2) as pool:  # Parquet and arrays leave Python's lock to the texts
                document = pool.submit(_write_document, audit, fresh)
                table = pool.submit(_write_samples, audit, fresh)
                csv.write(audit, audit.suspects, fresh / "suspects.csv")
            shown = [table.result() if name == "samples.csv" else name for name in SHOWN]
            kept = document.result()
            if groups := list_groups(audit):
                csv.write_groups(groups, fresh / GROUPS)
                kept = (*kept, GROUPS)
            for name in (*shown, *kept):
                _flush(fresh / name)
            swap((fresh, place), first=lambda: _keep_other_files(place, fresh))
    except OSError as error:
        raise not_written(folder, place, error, "the earlier result") from error
    return {name: Path(folder) / name for name in (*shown, *kept)}


def read(folder: Path | str) -> Audit:
    """The audit of a RUN folder, equal to the one that was written but for the images.

    Raises:
        RunError: there is no RUN, it is damaged, or a newer labelaudit wrote it.
    """
    place = Path(folder)
    if not is_run(place):
        raise _no_run(folder)
    try:
        with ThreadPoolExecutor(2) as pool:  # one thread of three reads text, which takes as long
            held = [name for name in (ARRAYS, JUDGE) if (place / name).exists()]
            found = {name: pool.submit(digest_file, place / name) for name in held}
            parts = json.load_parts(place / AUDIT)
        digests, written = {name: one.result() for name, one in found.items()}, parts["companions"]
        if ARRAYS not in written:
            raise KeyError(ARRAYS)
        for name in (ARRAYS, *digests):  # only the judge may be missing
            if digests.get(name) != written.get(name):
                raise ValueError(f"{name} is not the file that was written with audit.json")
        files = {name: place / name for name in (*SHOWN, TABLE, JUDGE, GROUPS, REPORT) if (place / name).exists()}
        return json.build_audit(parts, map_arrays(place / ARRAYS), files)
    except (RunError, *MISTAKES):
        raise
    except Exception as error:  # what damaged JSON, ZIP and arrays raise is not a closed list
        raise RunError(f"{folder} is damaged ({reason_of(error)}): run `labelaudit scan` again") from error


def _write_samples(audit: Audit, fresh: Path) -> str:
    """Write every sample, as Parquet where a text of them would be slow to write and to read; the file's name."""
    if len(audit.samples) > parquet.MOST_AS_TEXT:
        parquet.write_samples(audit, fresh / TABLE)
        return TABLE
    csv.write(audit, audit.order, fresh / "samples.csv")
    return "samples.csv"


def _write_document(audit: Audit, fresh: Path) -> tuple[str, ...]:
    """The arrays, the judge if there is one, and the texts that hold their digests; the name of the judge's file."""
    npz.write(audit, fresh / ARRAYS)
    kept = _keep_judge(audit, fresh / JUDGE)
    companions = {name: digest_file(fresh / name) for name in (ARRAYS, *kept)}
    json.write_audit(audit, fresh / AUDIT, companions=companions)
    json.write_summary(audit, fresh / "summary.json")
    return kept


def _no_run(folder: Path | str) -> RunError:
    place = Path(folder)
    if place.is_file() and (place.parent / AUDIT).is_file():
        return RunError(f"{folder} is a file of a RUN: name its folder, {place.parent}")
    why = f"no {AUDIT}" if place.is_dir() else "it is a file" if place.exists() else "there is none"
    return RunError(f"{folder} is not a RUN folder ({why}): make one with `labelaudit scan`")


def is_run(place: Path) -> bool:
    """Whether ``place`` is a RUN that can be read, one whose replacing was cut off included."""
    recover(place.resolve())
    return (place / AUDIT).is_file()


def _is_ours(place: Path) -> bool:
    """Whether ``place`` may be replaced as a RUN, a damaged one included: at least two of our files."""
    return sum((place / name).is_file() for name in SHOWN) >= 2


def _check_replaceable(place: Path, shown: Path | str) -> None:
    """Refuse what is not ours to replace."""
    recover(place)
    if not place.exists():
        return
    if not place.is_dir():
        raise RunError(f"{shown} is a file: choose a folder with `output`")
    if place.is_mount():
        raise RunError(f"{shown} is a mount point, which cannot be replaced whole: use `output` {Path(shown) / 'run'}")
    strangers = any(not entry.name.startswith(".") or entry.is_dir() for entry in place.iterdir())
    if strangers and not _is_ours(place):
        raise RunError(f"{shown} holds files that are not a labelaudit RUN: choose another folder with `output`")


def _flush(path: Path) -> None:
    """Wait until ``path`` is on the disk and not only in memory: the file that it replaces is deleted next."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _keep_judge(audit: Audit, path: Path) -> tuple[str, ...]:
    """Write the audit's judge to ``path`` if it has one, in memory or beside where it was read from."""
    read_from = audit.files.get(JUDGE)
    if audit.judge is not None:
        audit.judge.save(path)
    elif read_from is not None and read_from.is_file():
        shutil.copyfile(read_from, path)
    else:
        return ()
    return (JUDGE,)


def _keep_other_files(old: Path, fresh: Path) -> None:
    """Bring the files of people from the ``old`` RUN into the ``fresh`` one: hard links, so that both have them."""
    for entry in old.iterdir() if old.exists() else ():
        if entry.name in FILES or is_partial(entry):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.copytree(entry, fresh / entry.name, symlinks=True, copy_function=_link)
        else:
            _link(entry, fresh / entry.name)


def _link(source: Path | str, target: Path | str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
