"""The audit that a gate judges: read from a RUN, made for DATA, or brought up to date for some files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.errors import DataError, OptionError, RunError

from .changed import changed_since, place_files, read_list
from .scan import available_cores, default_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labelaudit.document import Audit
    from labelaudit.gate import Scope
    from labelaudit.policy import Settled
    from labelaudit.types import Progress
    from labelaudit.verdicts import Reviewed


@dataclass(frozen=True)
class Target:
    """What the person named, and how to get at its audit."""

    data: Path
    """A dataset, or a RUN."""
    settled: Settled
    run: Path | None
    """Where the scan of a dataset is kept."""
    images: Path | None
    """Where the images of a RUN are now."""
    use_cache: bool
    progress: Progress
    notice: Callable[[str], None]

    @property
    def is_run(self) -> bool:
        return (self.data / "audit.json").is_file()

    def check(self) -> None:
        """Refuse what cannot be meant, and what cannot be written, before the long work."""
        from labelaudit.policy import SETTINGS
        from labelaudit.reports.run import check_output

        if not self.data.exists():
            raise OptionError(f"'{self.data}' does not exist: name a dataset, or a folder that `labelaudit scan` wrote")
        if self.is_run:
            machine = ("device", "workers", "cache")
            scan = [s.name for s in SETTINGS.values() if s.scan and s.name not in machine]
            typed = [name for name in scan if self.settled.origins[name] == "command line"]
            if typed or self.run is not None:
                raise OptionError(f"--{typed[0] if typed else 'run'} is for a dataset: {self.data} is a finished RUN")
        elif self.images is not None:
            raise OptionError(f"--data says where the images of a RUN are: {self.data} is a dataset itself")
        if self.run is not None:
            check_output(self.run, self.data)

    def audit(self) -> Audit:
        """The audit of everything."""
        from labelaudit.reports import run as runs

        if self.is_run:
            return runs.read(self.data)
        from labelaudit.increment import current

        options = {**self.settled.scan_options(), **self._machine()}
        audit = current(self.data, **options, progress=self.progress, notice=self.notice)
        if self.run is not None:
            runs.write(audit, self.run)
        return audit

    def audit_files(self, since: str | None, files: Path | None) -> tuple[Audit, Scope | None]:
        """An audit that knows the chosen files as they are now, and the scope they make; none where labels changed.

        A RUN that knows them already is judged as it is; otherwise what changed since is judged from its memory.
        """
        from labelaudit.gate import Scope

        saved = self.audit() if self.is_run else None
        source = {} if saved is None else saved.settings.get("source") or {}
        data, labels = self._place(source), source.get("labels") if self.is_run else self.settled.values["labels"]
        table = None if labels is None else Path(labels)
        listed = _read_files(files or Path("-")) if since is None else changed_since(since, data)
        if since is not None and table is not None:
            listed += [file for file in changed_since(since, table) if file.name == table.name and file not in listed]
        chosen, relabelled, outside = place_files(listed, data, table)
        audit = saved or self.audit()
        if saved is not None and (relabelled or not _is_current(saved, chosen, data)):
            audit = self._update(saved, data, source)
        kind = "listed" if since is None else "changed"
        if relabelled:
            self.notice(f"Labels are among the {kind} files: everything is judged.")
            return audit, None
        found = (name for finding in audit.findings for name in (finding.path, finding.partner))
        known = {*audit.samples.ids, *found} & chosen
        if since is None and not known:
            raise DataError(
                f"--files: none of the {len(listed):,} listed files, such as '{listed[0]}', is an image of {data}: "
                "write their paths relative to the working folder"
            )
        strangers = len(chosen) - len(known) + outside
        notes = (f"{kind.capitalize()} files that are no images of the dataset: {strangers:,} of {len(listed):,}.",)
        if not known:
            nothing = f"No image of {data} has changed since '{since}': there is nothing to judge."
            return audit, Scope(chosen, "0 changed files", (nothing, *notes * bool(strangers)))
        return audit, Scope(chosen, f"{len(known):,} {kind} file{'s' * (len(known) != 1)}", notes * bool(strangers))

    def reviewed(self, audit: Audit) -> Reviewed | None:
        """The verdicts that people left in the RUN, if there is one."""
        from labelaudit import verdicts

        folder = self.data if self.is_run else self.run
        said = () if folder is None else verdicts.read(verdicts.verdicts_file(folder))
        return verdicts.match(audit, said) if said else None

    def _machine(self) -> dict[str, Any]:
        options = self.settled.scan_options()
        cache = (options.get("cache") or default_cache()) if self.use_cache else None
        return {
            "cache": cache,
            "workers": options.get("workers") or available_cores(),
            "device": options.get("device", "auto"),
        }

    def _place(self, source: Mapping[str, str | None]) -> Path:
        """Where the images are now."""
        if not self.is_run:
            return self.data
        named = source.get("data")
        place = self.images or (Path(named) if named else None)
        if place is None or not place.exists():
            raise RunError(f"the images of {self.data} are not at '{place}': name their place with --data")
        return place

    def _update(self, saved: Audit, data: Path, source: Mapping[str, str | None]) -> Audit:
        """``saved`` with what changed since judged anew; the dataset keeps the name that the person gave it."""
        from labelaudit.increment import update

        audit = update(
            saved,
            data,
            labels=source.get("labels"),
            path_column=source.get("path_column"),
            label_column=source.get("label_column"),
            progress=self.progress,
            notice=self.notice,
            **self._machine(),
        )
        root = saved.samples.root if self.images is None else str(self.images)
        return replace(audit, samples=replace(audit.samples, root=root))


def _read_files(source: Path) -> list[Path]:
    """The listed files; a list without any would pass with nothing judged, so it is refused."""
    listed = read_list(source)
    if not listed:
        raise DataError(
            f"--files {source}: the list is empty, and nothing judged is no pass; --changed-since GIT_REF passes where "
            "nothing changed"
        )
    return listed


def _is_current(audit: Audit, chosen: frozenset[str], data: Path) -> bool:
    """Whether ``audit`` knows the chosen files, byte for byte, or nothing of them that is an image."""
    from labelaudit.images import SUFFIXES, ImageError
    from labelaudit.originals import open_originals

    row_of = {name: row for row, name in enumerate(audit.samples.ids)}
    images = [name for name in sorted(chosen) if name in row_of or Path(name).suffix.lower() in SUFFIXES]
    if not images:
        return True
    if any(name not in row_of for name in images):
        return False
    originals = open_originals(audit, data)
    try:
        for name in images:
            originals.encoded(row_of[name])
    except ImageError:
        return False
    return True
