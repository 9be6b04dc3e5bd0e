"""The audit that a gate judges: read from a RUN, made for DATA, or brought up to date for some files."""

from __future__ import annotations

import os
from collections.abc import Set
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from labelaudit.check.changed import changed_since
from labelaudit.check.located import Located, locate, resolve_links
from labelaudit.data.source import Source, is_address
from labelaudit.errors import DataError, OptionError, RunError
from labelaudit.machine import Machine
from labelaudit.scanning.settings import Precision

if TYPE_CHECKING:
    from labelaudit.audit.document import Audit
    from labelaudit.check import Scope
    from labelaudit.check.baseline import Noise
    from labelaudit.check.settings import ResolvedSettings
    from labelaudit.verdicts import Reviewed


@dataclass(frozen=True)
class Target:
    """The dataset or RUN that the person named, and the way to its audit."""

    data: Path
    """A dataset, or a RUN."""
    settled: ResolvedSettings
    run: Path | None
    """The cache folder that keeps the scan of a dataset."""
    images: Path | None
    """The present folder of a RUN's images, if the dataset was moved."""
    machine: Machine
    precision: Precision = "auto"
    """Number format of the backbones unless the settings say: that of the baseline, so that the two compare."""

    @property
    def is_run(self) -> bool:
        from labelaudit.audit.run import is_run

        return is_run(self.data)

    @property
    def folder(self) -> Path | None:
        """The RUN that holds people's verdicts: the one that was named, or the one that keeps the scan."""
        return self.data if self.is_run else self.run

    @cached_property
    def saved(self) -> Audit | None:
        """The audit of a RUN, as it was written."""
        from labelaudit.audit import run as runs

        return runs.read(self.data) if self.is_run else None

    @property
    def source(self) -> Source:
        """The source of the dataset: a RUN says what it was made from."""
        if self.is_run:
            return Source.of({} if self.saved is None else self.saved.source)
        return Source(data=self.data, **self.settled.reading())

    @property
    def images_folder(self) -> Path | None:
        """The folder that holds the images now, where the person or the RUN says it."""
        named = self.source.data
        return (self.images or (Path(named) if named else None)) if self.is_run else self.data

    @property
    def table(self) -> Path | None:
        """The table of labels, where they are in one of their own."""
        return Path(self.source.labels) if self.source.labels else None

    def check(self) -> None:
        """Refuse settings that contradict each other, and outputs that cannot be written, before the long work."""
        from labelaudit.audit.run import check_output
        from labelaudit.check.settings import SETTINGS

        if not self.data.exists() and not is_address(self.data):
            raise OptionError(f"'{self.data}' does not exist: name a dataset, or a folder that `labelaudit scan` wrote")
        if self.is_run:
            machine = ("device", "workers", "cache")
            scan = [s.name for s in SETTINGS.values() if s.scan and s.name not in machine]
            typed = [name for name in scan if self.settled.origins[name] == "command line"]
            if typed or self.run is not None:
                name = typed[0].replace("-", "_") if typed else "run"
                raise OptionError(f"`{name}` is for a dataset: {self.data} is a finished RUN")
        elif self.images is not None:
            raise OptionError(f"`data` says where the images of a RUN are: {self.data} is a dataset itself")
        if self.run is not None:
            check_output(self.run, self.data, notice=self.machine.notice)

    def audit(self) -> Audit:
        """The audit of everything."""
        if self.saved is not None:
            return self.saved

        from labelaudit.audit import run as runs
        from labelaudit.scoring.kept import scan_or_update

        if self.machine.cache is None:
            self.machine.notice(
                "Without a cache everything is scanned and fitted anew, which takes as long as a scan; with one "
                "(`cache`) only what changed since the last check is."
            )
        settings = self.settled.scan_settings()
        if settings.precision == "auto":
            settings = replace(settings, precision=self.precision)
        audit = scan_or_update(self.source, settings, self.machine, self.settled.policy().check_classes)
        if self.run is not None:
            runs.write(audit, self.run)
        return audit

    def audit_files(self, since: str | None, listed: list[Path]) -> tuple[Audit, Scope | None]:
        """An audit that knows the chosen files as they are now, and the scope they make; none where labels changed.

        Chosen are the ``listed`` files, or, where ``since`` names a Git revision, those that changed since.

        A RUN that knows them already is judged as it is; otherwise what changed since is judged from its memory.
        """
        from labelaudit.check import Scope

        if since is None and not listed:
            raise DataError(
                "`files`: the list is empty, and nothing judged is not a pass; `changed_since` passes where nothing "
                "changed"
            )
        saved = self.saved
        data, located = self._locate()
        if since is not None:
            listed = changed_since(since, located)
        chosen, relabelled, outside = located.place(listed)
        audit = saved or self.audit()
        if saved is not None and (relabelled or not _is_current(saved, chosen, data)):
            audit = self._update(saved, data)
        kind = "listed" if since is None else "changed"
        if relabelled:
            self.machine.notice(f"Labels are among the {kind} files: everything is judged.")
            return audit, None
        found = (name for finding in audit.findings for name in (finding.path, finding.partner))
        known = {*audit.samples.ids, *found} & chosen
        if since is None:
            _refuse_strangers(listed, outside, chosen - known, bool(known), located, data)
        gone = sum(not os.path.lexists(Path(located.base, name)) for name in chosen - known)
        strangers = len(chosen) - len(known) - gone + len(outside)
        notes = [
            f"{kind.capitalize()} files that are not images of the dataset: {strangers:,} of {len(listed):,}."
        ] * bool(strangers)
        notes += [f"Deleted files that nothing names any more: {gone:,}."] * bool(gone)
        if not known:
            notes.insert(0, f"No image of {data} has changed since '{since}': there is nothing to judge.")
        files_of = "file" if len(known) == 1 else "files"
        return audit, Scope(chosen, f"{len(known):,} {kind} {files_of}", tuple(notes))

    def reviewed(self, audit: Audit) -> Reviewed | None:
        """The verdicts that people left in the RUN, if there is one."""
        from labelaudit import verdicts

        folder = self.folder
        said = () if folder is None else verdicts.read(verdicts.verdicts_file(folder))
        return verdicts.match(audit, said) if said else None

    def measured(self, audit: Audit, reviewed: Reviewed | None) -> Noise | None:
        """The noise that the review of a random sample found, where the RUN has one that tells it."""
        from labelaudit.check.baseline import Noise
        from labelaudit.estimate import estimate, load_plan

        folder = self.folder
        plan = None if folder is None or reviewed is None else load_plan(folder, audit)
        if plan is None or reviewed is None:
            return None
        found = estimate(audit, plan, reviewed)
        rate = found.noise_rate
        if found.is_opinion or rate.value is None or not rate.is_precise:
            return None
        return Noise(rate.value, rate.low, rate.high)

    def _locate(self) -> tuple[Path, Located]:
        """The present folder of the images, and all files of the dataset."""
        place = self.images_folder
        if place is None or not place.exists():
            raise RunError(f"the images of {self.data} are not at '{place}': name their place with `data`")
        return place, locate(place, self.table, **self.source.how())

    def _update(self, saved: Audit, data: Path) -> Audit:
        """``saved`` with what changed since judged anew; the dataset keeps the name that the person gave it."""
        from labelaudit.scoring.update import update

        audit = update(saved, replace(self.source, data=data), self.machine)
        root = saved.samples.root if self.images is None else str(self.images)
        return replace(audit, samples=replace(audit.samples, root=root))


def _refuse_strangers(
    listed: list[Path], outside: list[Path], strange: Set[str], any_known: bool, located: Located, data: Path
) -> None:
    """Raise `DataError` where a listed file should be an image of the dataset and is none: nobody would notice."""
    from labelaudit.data.images import SUFFIXES

    if not any_known:
        raise DataError(
            f"`files`: none of the listed files, such as '{listed[0]}', is an image of {data}: "
            "write their paths relative to the working folder"
        )
    wrong = [file for file in outside if file.suffix.lower() in SUFFIXES and not os.path.lexists(file)]
    if data.is_dir():
        wrong += [file for file in listed if os.path.relpath(resolve_links(file), located.base) in strange]
    if wrong:
        why = "lies in the dataset and is none of its images" if os.path.lexists(wrong[0]) else "does not exist"
        raise DataError(f"`files`: '{wrong[0]}' {why}: correct the name, or leave it out of the list")


def _is_current(audit: Audit, chosen: frozenset[str], data: Path) -> bool:
    """Whether ``audit`` knows the chosen files, byte for byte, or nothing of them that is an image."""
    from labelaudit.audit.originals import open_originals
    from labelaudit.data.images import SUFFIXES, ImageError

    row_of = {name: row for row, name in enumerate(audit.samples.ids)}
    there = [name for name in sorted(chosen) if Path(name).suffix.lower() in SUFFIXES and (data / name).exists()]
    if any(name not in row_of for name in there):
        return False
    images = sorted(chosen & row_of.keys())
    originals = open_originals(audit, data)
    try:
        for name in images:
            originals.encoded(row_of[name])
    except ImageError:
        return False
    return True
