"""Makes a new dataset from a plan, and undoes it: whole or not at all, with the source left as it is.

Everything is written to hidden siblings and takes its place at the end by renaming, the quarantine first. So OUT is
there only when all of it is; a crash between the two renames leaves a quarantine without OUT, which the next apply
replaces. What a killed run leaves is hidden siblings, which the next one names and does not delete: they may be those
of a run at work. Left out: changing a dataset in place, by design.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import Any

from labelaudit.audit.document import Audit
from labelaudit.audit.originals import open_originals
from labelaudit.clean.dataset import RelabelledDataset, cleaned, original
from labelaudit.clean.forms import FORMS, IMAGE_FORMS, TABLE_FORMS
from labelaudit.clean.names import NAMES, by_class, class_folder
from labelaudit.clean.output import (
    check_free,
    check_place,
    check_quarantine,
    count_files,
    drop_quarantine,
    find_done,
    find_quarantine,
    quarantine_of,
    read_report,
    read_report_of,
)
from labelaudit.clean.plan import CorrectionPlan
from labelaudit.clean.plan_file import build_plan
from labelaudit.clean.reading_back import SAID, read_back
from labelaudit.clean.report import FILE, make_report, write_report
from labelaudit.clean.returning import explain_loss, explain_newcomers, explain_passed_over, find_images
from labelaudit.clean.transfer import LINKS, Transfer
from labelaudit.data.column_names import is_label_name
from labelaudit.errors import OptionError, RunError, unknown_name, writing
from labelaudit.files import partials, read_regular, sibling, swap
from labelaudit.images import Images
from labelaudit.text import count, encodable, name_some
from labelaudit.types import Progress, Samples, no_progress

_LINKED = {"hard": "hard links", "symlink": "symbolic links", "reflink": "reflinks"}


@dataclass(frozen=True, kw_only=True)
class WrittenDataset:
    """A new dataset on disk."""

    folder: Path
    quarantine: Path | None = None
    """Folder of the images in quarantine, if any."""
    report: Mapping[str, Any] = field(default_factory=dict)
    """The content of ``clean-report.json``."""
    unchanged: bool = False
    """The same plan had been applied before: nothing was written."""
    notes: tuple[str, ...] = ()
    """Sentences for a person about how it went."""
    lost: str = ""
    """A sentence without its end on what `restore` could not bring back; empty if all is there."""


@dataclass(frozen=True)
class Destination:
    """A new dataset that is asked for: its folder, its form, and how its images get there."""

    folder: Path | str
    """Folder to make; images in quarantine go to `quarantine_of` it."""
    _: KW_ONLY
    form: str = ""
    """One of `FORMS`; unless said class folders, and for `restore` the form of the cleaned dataset."""
    link: str = "auto"
    """One of `LINKS`; what cannot be linked is copied, and counted in the report."""
    data: Path | str | None = None
    """The present place of the images, if they were moved since the scan."""
    run: Path | str | None = None
    """The RUN folder, which the new dataset may not be in."""
    replace: bool = False
    """Whether to take the place of an earlier cleaned dataset."""
    workers: int = 2
    """Threads that read and write."""
    progress: Progress = no_progress

    def __post_init__(self) -> None:
        if self.form and self.form not in FORMS:
            raise unknown_name("form", self.form, FORMS)
        if self.link not in LINKS:
            raise unknown_name("link", self.link, LINKS)

    @property
    def place(self) -> Path:
        """The whole path of the folder."""
        return Path(self.folder).resolve()

    def transfer(self, images: Images, samples: Samples) -> Transfer:
        """The way of ``images``, aligned with ``samples``, to the new dataset."""
        return Transfer(images, samples, link=self.link, workers=self.workers, progress=self.progress)


def apply_plan(plan: CorrectionPlan, audit: Audit, out: Destination) -> WrittenDataset:
    """Make the dataset of ``plan``, of `make_plan` or `read_plan`, for the scan ``audit``. Applied twice, the second
    time changes nothing.

    Raises:
        OptionError: ``out`` lies in the data or the RUN, or holds one of them.
        DataError: images are gone or were changed since the scan.
        RunError: ``out`` holds something else, or cannot be written; nothing is half-made.
    """
    out = replace(out, form=out.form or "folders")
    check_place(out.place, audit, out.data, out.run)
    dataset, apart = cleaned(audit, plan)
    if not len(dataset):
        raise OptionError("the plan leaves nothing: not one image would be in the new dataset")
    if (done := find_done(out.place, plan, out.form, out.replace)) is not None:
        folder = Path(out.folder)
        return WrittenDataset(folder=folder, quarantine=find_quarantine(folder, done), report=done, unchanged=True)
    transfer = None
    if out.form in IMAGE_FORMS:
        transfer = out.transfer(open_originals(audit, out.data), audit.samples)
    unread = () if transfer is None else _unreadable(plan, audit, out.data)
    wanted = sum(not change.digest and change.action == "quarantine" for change in plan.changes)
    missed = wanted - len(unread)
    lost = f"Unreadable files that cannot be kept apart, because they are in no folder of files: {missed:,}."
    notes = tuple(filter(None, (lost if missed > 0 else "", explain_newcomers(audit, out.data))))
    return _write(plan, dataset, apart, out, transfer=transfer, unread=unread, notes=notes)


def read_applied(folder: Path | str, audit: Audit) -> CorrectionPlan:
    """The plan that made a cleaned dataset, checked against the ``audit`` that it came from.

    Raises:
        RunError: `apply_plan` did not make ``folder``, or made it from another scan.
    """
    report = read_report_of(Path(folder), audit)
    classes = [entry["label"] for entry in report["classes"] if entry["label"] not in audit.samples.classes]
    return build_plan({"changes": report["changes"], "new_classes": classes}, Path(folder) / FILE, audit)


def restore(audit: Audit, cleaned_folder: Path | str, out: Destination) -> WrittenDataset:
    """Make the dataset that ``audit`` scanned, from what `apply_plan` made in ``cleaned_folder``, its quarantine and,
    where it is, the source.

    Images are found by their content, whatever the folders did with their names. What is nowhere cannot be brought
    back; all else is, and `WrittenDataset.lost` says what is missing. Once it has turned up, ``out.replace`` makes it
    whole. Files that the scan passed over do not come back; `WrittenDataset.notes` counts them.

    Raises:
        OptionError, RunError: as `apply_plan`; or ``cleaned_folder`` was not made from this audit.
    """
    report = read_report_of(Path(cleaned_folder), audit)
    out = replace(out, form=out.form or ("csv" if report["form"] == "patch" else report["form"]))
    check_place(out.place, audit, out.data, out.run, Path(cleaned_folder))
    plan = CorrectionPlan(
        changes=(), fingerprint=audit.fingerprint, root=audit.samples.root, samples=len(audit.samples)
    )
    done = find_done(out.place, plan, out.form, out.replace)
    if done is not None and done["samples"] == len(audit.samples):
        return WrittenDataset(folder=Path(out.folder), report=done, unchanged=True)
    check_free(out.place, out.replace)
    rows: list[int] = list(range(len(audit.samples)))
    transfer, lost, notes = None, "", []
    if out.form in IMAGE_FORMS:
        aside = Path(cleaned_folder).absolute().with_name(report["quarantine"] or quarantine_of(cleaned_folder).name)
        folders = dict.fromkeys((Path(cleaned_folder), aside, quarantine_of(cleaned_folder)))
        found = find_images(audit, tuple(folders), out.data, out.workers, out.progress)
        transfer = out.transfer(found.images, audit.samples)
        rows, lost = found.rows, explain_loss(audit, found, report, aside)
        if not rows:
            raise RunError(f"not one image of the scan is in {cleaned_folder}, its quarantine or the source")
        notes = [note] if (note := explain_passed_over(audit, out.data)) else []
        if out.link == "symlink":
            notes.append(f"The links lead to {cleaned_folder}, its quarantine or the source: keep what they lead to.")
    dataset, apart = original(audit, rows), original(audit, ())
    return _write(plan, dataset, apart, out, transfer=transfer, notes=tuple(notes), lost=lost)


def _write(
    plan: CorrectionPlan,
    dataset: RelabelledDataset,
    apart: RelabelledDataset,
    out: Destination,
    *,
    transfer: Transfer | None,
    unread: tuple[tuple[Path, str], ...] = (),
    notes: tuple[str, ...] = (),
    lost: str = "",
) -> WrittenDataset:
    """Write ``dataset`` to ``out``, and what is ``apart`` and the files ``unread`` to its quarantine.

    ``transfer`` brings the images, None where the form holds none; ``notes`` and what is ``lost`` are passed on.
    """
    place = out.place
    aside = quarantine_of(place) if transfer is not None and (len(apart) or unread) else None
    if aside is not None:
        check_quarantine(aside, place)
    with writing(out.folder, "nothing was made"):
        place.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            fresh = stack.enter_context(sibling(place))
            notes += _fill(fresh, dataset, out.form, transfer)
            kept = None
            if aside is not None and transfer is not None:
                kept = stack.enter_context(sibling(aside))
                transfer.place(apart.rows, [kept / name for name in by_class(apart.written(), transfer.ending)])
                notes += _copy_unreadable(unread, kept, apart)
            report = make_report(
                plan,
                dataset,
                form=out.form,
                files=count_files(fresh),
                how={} if transfer is None else transfer.how,
                quarantine="" if aside is None else aside.name,
                quarantine_files=0 if kept is None else count_files(kept),
                notes=(*([f"{lost}."] if lost else ()), *notes, *_notes(dataset, apart, out.form, transfer)),
            )
            for folder in (fresh, kept):
                if folder is not None:
                    write_report(report, folder)
            if hasattr(os, "sync"):
                os.sync()  # on disk, not only in the page cache, before it is called done
            before = read_report(place)
            swap(*([] if kept is None or aside is None else [(kept, aside)]), (fresh, place))
            stays = "" if before is None else drop_quarantine(place, before)
    folder = Path(out.folder)
    shown = None if aside is None else folder.with_name(aside.name)
    told = (*report["notes"][len(plan.notes) :], *filter(None, [stays]), *_leftovers(place, aside))
    return WrittenDataset(folder=folder, quarantine=shown, report=report, notes=told, lost=lost)


def _fill(folder: Path, dataset: RelabelledDataset, form: str, transfer: Transfer | None) -> tuple[str, ...]:
    """Write ``dataset`` into a ``folder`` and read it back; a note where a scan must be told how to read it."""
    written, said = dataset.written(), ""
    if transfer is None:
        TABLE_FORMS[form](written, folder)
        said = SAID if form == "csv" and any(map(is_label_name, dataset.extra)) else ""
    else:
        IMAGE_FORMS[form](written, folder, transfer)
        said = read_back(written, folder, form, workers=transfer.workers, progress=transfer.progress)
    if form != "patch":
        _write_names(dataset, folder)
    return (f"It can be read in several ways: to scan it, say {said}.",) if said else ()


def _write_names(dataset: RelabelledDataset, folder: Path) -> None:
    """The names of numbered classes for the next scan, which finds them beside the data."""
    codes, present = dataset.samples.codes, {*dataset.labels}
    names = {codes[label]: label for label in dataset.classes if label in codes and label in present}
    if names:
        text = json.dumps(names, indent=2, ensure_ascii=False) + "\n"
        (folder / NAMES).write_text(encodable(text), encoding="utf-8", newline="\n")


def _leftovers(place: Path, aside: Path | None) -> tuple[str, ...]:
    """A word about hidden folders of runs that were killed; not in the report, which depends on the plan alone."""
    left = partials(place) + (() if aside is None else partials(aside))
    many = "a hidden folder" if len(left) == 1 else f"{len(left):,} hidden folders"
    said = f"A run that was killed left {many} here: delete {name_some([str(path) for path in left])}."
    return (said,) if left else ()


def _notes(dataset: RelabelledDataset, apart: RelabelledDataset, form: str, transfer: Transfer | None) -> list[str]:
    """Sentences about what the form cannot hold, what was copied instead of linked, and classes left empty."""
    said = []
    if transfer is not None and transfer.link in _LINKED and transfer.how["copy"]:
        name = _LINKED[transfer.link]
        many = f"{transfer.how['copy']:,} of {transfer.how.total():,} images"
        why = "Parquet holds the images themselves" if form == "parquet" else f"no {name} could be made"
        said.append(f"{many} were copied: {why}.")
    if transfer is None and len(apart):
        said.append(f"Left out: {count(len(apart), 'image')} in quarantine; as {form}, no images are moved.")
    if form == "folders" and dataset.samples.extra:
        columns = name_some(list(dataset.samples.extra))
        said.append(f"Class folders cannot hold the columns {columns}: the formats hf, parquet and csv can.")
    present = set(dataset.labels)
    folders = sorted({*dataset.written().labels})
    if form == "folders" and (odd := [label for label in folders if class_folder(label) != label]):
        places = name_some([f"'{label}' is in {class_folder(label)}" for label in odd])
        said.append(f"No folder can be called like these classes: {places}; the formats hf and parquet keep the names.")
    empty = [label for label in dataset.classes if label not in present]
    if empty and form != "patch":
        said.append(f"No image is left of {', '.join(empty[:5])}{' and others' if len(empty) > 5 else ''}.")
    return said


def _unreadable(plan: CorrectionPlan, audit: Audit, data: Path | str | None) -> tuple[tuple[Path, str], ...]:
    """Files that could not be read and are to be kept apart: where they are, and under which name."""
    source = data or audit.source.get("data") or ""
    found = []
    for change in plan.changes:
        parts = [part for part in change.path.split("/") if part not in ("", ".", "..")]
        file = Path(source, *parts)
        if not change.digest and change.action == "quarantine" and source and Path(source).is_dir() and file.is_file():
            found.append((file, "/".join(parts)))
    return tuple(found)


def _copy_unreadable(files: tuple[tuple[Path, str], ...], folder: Path, apart: RelabelledDataset) -> tuple[str, ...]:
    """Copy the ``files`` (path, name) into a folder of the quarantine; a note on those that cannot be read."""
    missed, inside = [], "unreadable"
    while any(inside.casefold() == name.casefold() for name in (*apart.classes, *(apart.splits or ()))):
        inside += "-files"  # not among the images of a class, one of which could be a link to the source
    for file, name in files:
        target = folder / inside / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            data = read_regular(file)
        except OSError:
            missed.append(name)
        else:
            target.write_bytes(data)
    return (f"{count(len(missed), 'unreadable file')} cannot even be copied, first {missed[0]}.",) if missed else ()
