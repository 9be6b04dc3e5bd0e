"""The images of an audit that was read back: opened again where the scan found them, each checked against its digest.

A RUN folder holds no images, only what was found out about them. Whoever shows, scores or copies images asks here, and
learns of a file that is gone or was changed since the scan before anybody judges the wrong picture. Left out: looking
for images that were renamed; `labelaudit scan` again finds those, at the cost of reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labelaudit.audit.document import Audit, has_images
from labelaudit.data.images import ImageError
from labelaudit.data.ingest import digest
from labelaudit.data.source import Source
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError, RunError
from labelaudit.images import Images, path_of


@dataclass(frozen=True)
class Originals:
    """`Images` aligned with the samples of an audit. Safe to call from several threads."""

    source: Images
    rows: tuple[int, ...]
    """(n,) row in ``source`` of each sample of the audit, -1 where it is gone."""
    digests: Sequence[str]
    """(n,) what the scan saw."""

    def __len__(self) -> int:
        return len(self.rows)

    def encoded(self, index: int) -> bytes:
        """The file as stored; raises `ImageError` of kind ``missing`` or ``changed``."""
        if self.rows[index] < 0:
            raise ImageError("missing", "the image is gone since the scan: put it back, or scan again")
        try:
            data = self.source.encoded(self.rows[index])
        except OSError as error:
            raise ImageError("missing", f"the image cannot be read ({error.strerror or error})") from error
        if digest(data) != self.digests[index]:
            raise ImageError("changed", "the image was changed since the scan: scan again")
        return data

    def path(self, index: int) -> str | None:
        """The file that `encoded` reads, for those who link to it; ``None`` where there is no file of its own."""
        return path_of(self.source, self.rows[index]) if self.rows[index] >= 0 else None


def open_originals(audit: Audit, data: Path | str | None = None) -> Images:
    """The images of ``audit``, from where its scan read them or from ``data`` where the dataset was moved.

    Nothing is read before an image is asked for.

    Raises:
        RunError: the dataset is not where it was, or the audit never had images.
    """
    if audit.samples.images is not None:
        return audit.samples.images
    source = dict(audit.source)
    if data is not None:
        source["data"] = str(data)
    if not source.get("data"):
        if has_images(audit):
            said = "made of images that a program held: name with `data` where files of the same names lie"
        else:
            said = "made without images: it has features, probabilities and labels only"
        raise RunError(f"this audit was {said}")
    try:
        listing = open_source(Source.of(source))
    except DataError as error:
        raise RunError(f"the images of the scan cannot be opened ({error}): name their place with `data`") from error
    if listing.images is None:
        raise RunError(f"'{source['data']}' holds no images: name their place with `data`")
    place = {name: row for row, name in enumerate(listing.ids)}
    rows = tuple(place.get(name, -1) for name in audit.samples.ids)
    if rows and max(rows) < 0:
        raise RunError(f"'{source['data']}' holds none of the {len(rows)} images of the scan: name it with `data`")
    return Originals(listing.images, rows, audit.samples.digests)
