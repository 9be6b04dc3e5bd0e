"""A folder of class folders, with or without a split level above them.

Left out: labels encoded in file names, and class folders below class folders (a file's class is the first level;
deeper folders only group its files).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labelaudit.data.images import SUFFIXES
from labelaudit.data.listing import SPLITS, Files, Listing
from labelaudit.errors import DataError
from labelaudit.types import Finding

ADVICE = "put images into <class>/ folders, or give a table of labels with --labels FILE"


@dataclass(frozen=True, kw_only=True)
class Walk:
    """The image files below a folder."""

    paths: tuple[str, ...]
    """Relative to the root, with ``/``, sorted."""
    findings: tuple[Finding, ...]
    skipped: Mapping[str, int]
    """Files that are no images, counted by ending; hidden ones are not counted."""


def walk(root: Path) -> Walk:
    """Every image file below ``root``, links followed, each folder entered through a link at most once.

    Loops, dangling links, names that are not UTF-8, pipes and folders that cannot be opened become findings.
    """
    walker = _Walker(root)
    walker.enter("")
    while walker.links:  # after all that lies here in its own place
        walker.follow(walker.links.pop(0))
    findings = sorted(walker.findings, key=lambda finding: finding.path)
    skipped = dict(sorted(walker.skipped.items()))
    return Walk(paths=tuple(sorted(walker.paths)), findings=tuple(findings), skipped=skipped)


def is_passed_over(name: str) -> bool:
    """Whether an entry of a folder is not looked at: it is hidden, or some system left it behind."""
    return name.startswith(".") or name == "__MACOSX"


class _Walker:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.paths: list[str] = []
        self.links: list[str] = []
        self.findings: list[Finding] = []
        self.skipped: Counter[str] = Counter()
        self.entered: dict[tuple[int, int], str] = {}

    def enter(self, top: str) -> None:
        """Read a folder and all below it; links to folders are kept for later."""
        pending = [top]
        while pending:
            inside = pending.pop()
            try:
                self.entered.setdefault(self._identity(inside), inside or ".")
                with os.scandir(self._full(inside)) as entries:
                    ordered = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                if not inside:
                    raise DataError(f"'{self.root}' cannot be opened: {error.strerror}") from error
                self._report("unreadable", inside, f"folder cannot be opened: {error.strerror}")
                continue
            for entry in ordered:
                path = f"{inside}/{entry.name}" if inside else entry.name
                try:
                    if not is_passed_over(entry.name):
                        pending += self._see(entry, path)
                except OSError as error:
                    self._report("unreadable", path, f"cannot be looked at: {error.strerror}")

    def follow(self, link: str) -> None:
        """Enter a link to a folder, unless that folder is read already."""
        known = self.entered.get(self._identity(link))
        if known is None:
            self.enter(link)
        else:
            self._report("link_loop", link, f"link to '{known}', which is read already")

    def _see(self, entry: os.DirEntry[str], path: str) -> list[str]:
        """Take note of one entry; returns it if it is a folder to enter now."""
        suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122
        if printable(entry.name) != entry.name:
            self._report("bad_name", printable(path), "name is not UTF-8: rename it")
        elif entry.is_symlink() and not Path(entry.path).exists():
            target = printable(os.readlink(entry.path))  # noqa: PTH115
            self._report("missing", path, f"link to '{target}', which does not exist or is a loop")
        elif entry.is_dir():
            if not entry.is_symlink():
                return [path]
            self.links.append(path)
        elif suffix not in SUFFIXES:
            self.skipped[suffix or "without an ending"] += 1
        elif entry.is_file():
            self.paths.append(path)
        else:
            self._report("unreadable", path, "a pipe, socket or device, not a regular file")
        return []

    def _full(self, path: str) -> str:
        return os.path.join(self.root, path)  # noqa: PTH118 (ten times faster)

    def _identity(self, path: str) -> tuple[int, int]:
        status = os.stat(self._full(path))  # noqa: PTH116
        return status.st_dev, status.st_ino

    def _report(self, kind: str, path: str, detail: str) -> None:
        self.findings.append(Finding(kind=kind, path=path, detail=detail))


def list_folder(root: Path, walked: Walk) -> Listing:
    """The images of ``root/<class>/…`` or ``root/<split>/<class>/…``, labelled by their class folder."""
    if not walked.paths:
        raise DataError(f"no images in '{root}'{_describe(walked)}: {ADVICE}")
    parts = [path.split("/") for path in walked.paths]
    level = 1 if _has_splits(root, parts) else 0
    labels = tuple(part[level] if len(part) > level + 1 else None for part in parts)
    if not any(labels):
        raise DataError(f"the {len(parts)} images in '{root}' lie in no class folders: {ADVICE}")
    return Listing(
        root=str(root),
        ids=walked.paths,
        labels=labels,
        images=Files(root, walked.paths),
        splits=tuple(part[0] if len(part) > 1 else "" for part in parts) if level else None,
        findings=walked.findings,
        skipped=walked.skipped,
    )


def printable(name: str) -> str:
    """A file name with its undecodable bytes written as ``\\xNN``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _has_splits(root: Path, parts: Sequence[Sequence[str]]) -> bool:
    tops = {part[0] for part in parts if len(part) > 1}
    nested = {part[0] for part in parts if len(part) > 2}
    splits = {top for top in tops if top.lower() in SPLITS}
    if not splits & nested:
        if tops and tops == splits:
            raise DataError(f"'{root}' has the splits {', '.join(sorted(tops))} but no class folders in them: {ADVICE}")
        return False
    if tops - splits and len(splits & nested) > 1:
        strays, known = ", ".join(sorted(tops - splits)[:3]), ", ".join(sorted(splits))
        raise DataError(f"'{root}' has the splits {known} and beside them {strays}: move these, or scan one split")
    return tops == splits


def _describe(walked: Walk) -> str:
    counted = [f"{count} {suffix}" for suffix, count in sorted(walked.skipped.items(), key=lambda kv: -kv[1])[:4]]
    counted += [f"{count} {kind}" for kind, count in sorted(Counter(f.kind for f in walked.findings).items())]
    return f" (left out: {', '.join(counted)})" if counted else ""
