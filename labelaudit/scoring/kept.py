"""Audits kept in the cache folder between checks, so that a check costs what changed since the last one.

``CACHE/audits/<settings>-<place>`` is a RUN, written whole or not at all. ``<settings>`` stands for everything that an
audit depends on but the data, ``<place>`` for where the data lies. A folder made at another place with the same
settings serves too, if the data is nearly the same: a build machine may check out anywhere. The `KEPT` audits used last
stay, within `MOST_BYTES`; only folders that hold our mark and nothing but files of ours are ever deleted.
Left out: audits of features or probabilities that were brought; they are scanned every time.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from labelaudit.audit import run as runs
from labelaudit.audit.document import Audit
from labelaudit.audit.json import plain
from labelaudit.data.source import Source
from labelaudit.errors import RunError, reason_of
from labelaudit.files import write_text
from labelaudit.judge.judge import Judge
from labelaudit.machine import Machine, __version__, find_device, find_precision
from labelaudit.scanning.scan import HeedClasses
from labelaudit.scanning.settings import ScanSettings
from labelaudit.scoring.update import IsAnotherDataset, NeedsScan, scan_again, update_one_of

KEPT = 8
MOST_BYTES = 2 * 10**9
MARK = "saved-audit"
"""File in each saved audit that says who made it."""
_MARKED = "made by labelaudit check: deleted when newer audits take its place\n"
_NAME = re.compile(r"[0-9a-f]{16}-[0-9a-f]{16}")
_ELSEWHERE = 3  # audits made at other places that are tried before a full scan


def scan_or_update(source: Source, settings: ScanSettings, machine: Machine, heed_classes: HeedClasses) -> Audit:
    """The audit of ``source`` as it is now: the saved one brought up to date (`update`), or a full scan.

    Features and the audit are kept in the cache of ``machine``; without one this is `scan`.
    """
    if machine.cache is None or source.data is None:
        return scan_again(source, settings, machine, heed_classes)
    store = AuditCache(source, settings, machine)
    if candidates := store.read():
        try:
            return _keep(store, update_one_of(candidates, source, settings, machine, heed_classes), machine)
        except IsAnotherDataset:
            pass
        except NeedsScan as obstacle:
            machine.notice(f"Scanning everything: {obstacle}.")
    return _keep(store, scan_again(source, settings, machine, heed_classes), machine)


def _keep(store: AuditCache, audit: Audit, machine: Machine) -> Audit:
    """``audit`` as the ``store`` keeps it; where its disk is full the audit is as good, and a notice says so."""
    try:
        return store.write(audit)
    except RunError as error:
        machine.notice(f"The audit is not kept: {reason_of(error.__cause__ or error)}.")
        return audit


class AuditCache:
    """The saved audits of one cache; those of ``source`` with the given settings come first."""

    def __init__(self, source: Source, settings: ScanSettings, machine: Machine) -> None:
        from filelock import FileLock

        precision = find_precision(settings.precision, find_device(machine.device))
        settings = replace(settings, precision=precision)
        place = {name: source.settings()[name] for name in ("data", "labels")}
        shaped = {
            "labelaudit": __version__,
            "settings": settings.record(),
            "seed": settings.seed,
            "reading": {name: value for name, value in source.settings().items() if name not in place},
        }
        assert machine.cache is not None
        self._folder, self._settings = machine.cache / "audits", _key(shaped)
        self._own = self._folder / f"{self._settings}-{_key(place)}"
        self._lock = FileLock(self._folder / "lock")

    @contextmanager
    def _held(self) -> Iterator[None]:
        """The folder, there and locked; what the disk refuses is a `RunError` that names it."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._lock:
                yield
        except OSError as error:
            reason = error.strerror or error
            raise RunError(f"cannot keep audits in {self._folder} ({reason}): choose another `cache`") from error

    def read(self) -> list[Audit]:
        """Saved audits with the same settings, that of the same place first, then the newest; damaged ones are not."""
        found = []
        with self._held():
            elsewhere = sorted(self._folder.glob(f"{self._settings}-*"), key=_age)
            others = [place for place in elsewhere if place != self._own][:_ELSEWHERE]
            for place in [self._own, *others]:
                try:
                    audit = runs.read(place)
                    found.append(replace(audit, judge=Judge.load(place)))
                except RunError:
                    continue
        return found

    def write(self, audit: Audit) -> Audit:
        """Keep ``audit``, and let go of the audits used longest ago; returns it with its files."""
        with self._held():
            audit = audit.with_files(runs.write(audit, self._own))
            write_text(_MARKED, self._own / MARK)
            kept = 0
            for number, place in enumerate(sorted(filter(_is_ours, self._folder.iterdir()), key=_age)):
                kept += sum(file.stat().st_size for file in place.iterdir())
                if place != self._own and (number >= KEPT or kept > MOST_BYTES):
                    shutil.rmtree(place)
        return audit


def _is_ours(place: Path) -> bool:
    """Whether ``place`` is a saved audit, with our mark and no file that is not ours."""
    if not _NAME.fullmatch(place.name) or place.is_symlink() or not place.is_dir():
        return False
    names = {entry.name for entry in place.iterdir() if entry.is_file() and not entry.is_symlink()}
    ours = {MARK, *runs.FILES}
    try:
        marked = (place / MARK).read_text(encoding="utf-8") == _MARKED
    except (OSError, ValueError):
        return False
    return marked and names <= ours and len(names) == sum(1 for _ in place.iterdir())


def _key(value: Any) -> str:
    text = json.dumps(plain(value), sort_keys=True)
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def _age(place: Path) -> float:
    """Seconds since it was written, for sorting: newest first; what is incomplete comes last."""
    try:
        return -(place / "audit.json").stat().st_mtime
    except OSError:
        return 0.0
