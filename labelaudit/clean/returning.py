"""Finds the images of a scan after its dataset was cleaned: by content, in several folders.

Left out: files whose content is no longer that of the scan; they count as not there.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelaudit.audit.document import Audit
from labelaudit.audit.originals import open_originals
from labelaudit.data.images import SUFFIXES, ImageError
from labelaudit.data.ingest import ingest
from labelaudit.data.listing import Files, Listing
from labelaudit.data.sources import open_source
from labelaudit.data.tree import walk
from labelaudit.errors import DataError, LabelAuditError
from labelaudit.images import Images, path_of
from labelaudit.kinds import kinds_of
from labelaudit.text import count, name_some
from labelaudit.types import Progress, Samples

_FILES = kinds_of("file", "entry")
"""Findings about files that are there and could not be judged."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """Images of an audit, gathered."""

    images: Images
    """Aligned with the audit; reading one that is not in `rows` raises `ImageError`."""
    rows: list[int]
    """Rows that are there."""
    lost: list[int]
    """Rows that are nowhere."""
    trouble: str
    """The reason the source could not be looked into, if it was needed."""


class _Gathered:
    """`Images` whose rows lie in several places.

    A file that serves several rows, copies of one image, is the file of the first of them only: linked, two images
    would be one, and who edits one would edit both.
    """

    def __init__(self, places: Sequence[tuple[Images, int] | None]) -> None:
        self._places = places
        first: dict[tuple[int, int], int] = {}
        for row, place in enumerate(places):
            if place is not None:
                first.setdefault((id(place[0]), place[1]), row)
        self._owners = frozenset(first.values())

    def __len__(self) -> int:
        return len(self._places)

    def encoded(self, index: int) -> bytes:
        place = self._places[index]
        if place is None:
            raise ImageError("missing", "the image is neither in the cleaned dataset nor in its source")
        return place[0].encoded(place[1])

    def path(self, index: int) -> str | None:
        place = self._places[index] if index in self._owners else None
        return None if place is None else path_of(*place)


def find_images(
    audit: Audit, folders: Sequence[Path], data: Path | str | None, workers: int, progress: Progress
) -> Found:
    """Look for every image of ``audit`` in ``folders``, all of whose images are read, and then in its source."""
    wanted = set(audit.samples.digests)
    places_of: dict[str, list[tuple[Images, int]]] = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        samples = _read(folder, workers, progress)
        if samples is None or samples.images is None:
            continue
        for row, digest in enumerate(samples.digests):
            if digest in wanted:
                places_of.setdefault(digest, []).append((samples.images, row))
    places: list[tuple[Images, int] | None] = []
    for digest in audit.samples.digests:  # copies of an image take a file each, while there are some
        there = places_of.get(digest)
        places.append((there.pop(0) if len(there) > 1 else there[0]) if there else None)
    missing = [row for row, place in enumerate(places) if place is None]
    trouble = ""
    if missing:
        try:
            source = open_originals(audit, data)
            for row in missing:
                try:
                    source.encoded(row)
                    places[row] = (source, row)
                except ImageError:
                    continue
        except LabelAuditError as error:  # the source is gone: what is missing stays missing
            trouble = str(error)
    rows = [row for row, place in enumerate(places) if place is not None]
    lost = [row for row, place in enumerate(places) if place is None]
    return Found(images=_Gathered(places), rows=rows, lost=lost, trouble=trouble)


def explain_loss(audit: Audit, found: Found, report: Mapping[str, Any], quarantine: Path) -> str:
    """A sentence on what is lost and where it should have been, by the ``report`` of the cleaned dataset; "" if nothing
    is."""
    if not found.lost:
        return ""
    names = [audit.samples.ids[row] for row in found.lost]
    action = {change["path"]: change["action"] for change in report["changes"]}
    fate = Counter(action.get(name, "") for name in names)
    aside, dropped = fate["quarantine"], fate["drop"]
    places = {
        f"quarantined, but not in {quarantine}": aside,
        "dropped, so only the source had them": dropped,
        "gone from the cleaned dataset, or changed": len(names) - aside - dropped,
    }
    said = "; ".join(f"{place}: {count:,}" for place, count in places.items() if count)
    source = f"The source shows none: {found.trouble}" if found.trouble else "The source has none of them"
    return (
        f"{len(names):,} of {len(audit.samples):,} images could not be restored, first '{names[0]}' ({said}). {source}"
    )


def explain_passed_over(audit: Audit, data: Path | str | None) -> str:
    """A sentence on files of the source that were never part of the scan, so that no way leads back to them; "" if
    there are none.

    By the folder of the source where it is there, otherwise by what the scan found unusable. Hidden files and the label
    table are not counted.
    """
    passed = _list_unknown(audit, data)
    if passed is None:
        passed = {finding.path for finding in audit.findings if finding.kind in _FILES} - {*audit.samples.ids}
    if not passed:
        return ""
    one = len(passed) == 1
    return (
        f"{count(len(passed), 'file')} of the source {'was' if one else 'were'} never part of the scan and "
        f"{'is' if one else 'are'} not here: {name_some(sorted(passed))}. Copy {'it' if one else 'them'} from the "
        "source where needed."
    )


def explain_newcomers(audit: Audit, data: Path | str | None) -> str:
    """A sentence on images of the source that the scan did not know, so that no plan brings them along; "" if none."""
    told = {finding.path for finding in audit.findings}
    images = [name for name in _list_unknown(audit, data) or () if Path(name).suffix.lower() in SUFFIXES]
    new = sorted({*images} - told)
    if not new:
        return ""
    what = count(len(new), "image of the source is", "images of the source are")
    return f"{what} not part of the scan and not here: {name_some(new)}. Scan again for a plan of all."


def _list_unknown(audit: Audit, data: Path | str | None) -> set[str] | None:
    """Files of the source, hidden ones and the label table left out, that are no sample; ``None`` where it is gone, or
    holds no file per image."""
    root, table = data or audit.source.get("data") or "", audit.source.get("labels")
    known, files = set(audit.samples.ids), set()
    if root and Path(root).is_dir():
        for folder, inside, names in os.walk(root):
            inside[:] = [name for name in inside if not name.startswith(".")]
            within = Path(folder).relative_to(root)
            files |= {(within / name).as_posix() for name in names if not name.startswith(".")}
        if table and Path(table).is_relative_to(root):
            files.discard(Path(table).relative_to(root).as_posix())
    return files - known if files & known else None


def _read(folder: Path, workers: int, progress: Progress) -> Samples | None:
    """Every image below a folder, or in its Parquet files, with its digest."""
    found = walk(folder)
    if found.paths:
        files = Files(folder, found.paths)
        listing = Listing(root=str(folder), ids=found.paths, labels=("",) * len(found.paths), images=files)
    else:
        try:
            listing = open_source(folder)
        except DataError:
            return None
    try:
        return ingest(listing, fewest_classes=1, workers=workers, progress=progress)[0]
    except DataError:
        return None
