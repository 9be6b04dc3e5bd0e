"""Reads a dataset that was just written as a scan would, and refuses it unless every image has its label.

It answers for whatever nobody thought of: names that are passed over, labels that a table changes, a disk that lies.
Left out: tables without images, which `forms` compares as it writes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from labelaudit.clean.dataset import RelabelledDataset
from labelaudit.clean.names import class_folder
from labelaudit.data.ingest import digest
from labelaudit.data.listing import Listing
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError, RunError
from labelaudit.images import Images
from labelaudit.text import encodable
from labelaudit.types import Progress

SAID = "`label_column` label"
"""The option for a table that has further columns of labels."""
_CHUNK = 64


def _in_table(label: str) -> str:
    return encodable(label).strip()


_LABEL: Mapping[str, Callable[[str], str]] = {"folders": class_folder, "hf": _in_table, "parquet": _in_table}
"""Form -> how a label is read back."""


def read_back(dataset: RelabelledDataset, folder: Path, form: str, *, workers: int, progress: Progress) -> str:
    """Compare the images and labels in ``folder`` with those of ``dataset``.

    Returns the option without which a scan would read it otherwise; empty where none is needed.

    Raises:
        RunError: one is missing, was not asked for, or is under another label.
    """
    if not len(dataset):
        return ""
    spell = _LABEL[form]
    meant = Counter(
        (dataset.samples.digests[row], spell(label)) for row, label in zip(dataset.rows, dataset.labels, strict=True)
    )
    how = _how(dataset, form)
    try:
        listing = open_source(folder, **how)
    except DataError as error:
        raise RunError(
            f"what was written cannot be read back ({error}): nothing was made; try another `format`"
        ) from None
    digests = _digest_all(listing.images, len(listing.ids), workers, progress)
    found = Counter((seen, label or "") for seen, label in zip(digests, listing.labels, strict=True))
    if found == meant:
        if form == "parquet" or _reads_alike(folder, listing):
            return ""
        return f"`label_from` '{how['label_from']}'" if form == "folders" else SAID
    (content, label), _ = next(iter((meant - found).items()), next(iter((found - meant).items()), (("", ""), 0)))
    row = next((row for row in dataset.rows if dataset.samples.digests[row] == content), None)
    name = "an image" if row is None else f"'{dataset.samples.ids[row]}'"
    raise RunError(
        f"what was written does not read back as it was meant, first {name} under '{label}': nothing was made; try "
        "another `format`"
    )


def _reads_alike(folder: Path, listing: Listing) -> bool:
    """Whether a scan of ``folder`` that is told nothing reads the same as ``listing``."""
    try:
        plain = open_source(folder)
    except DataError:
        return False
    return (plain.ids, plain.labels) == (listing.ids, listing.labels)


def _how(dataset: RelabelledDataset, form: str) -> dict[str, str]:
    """The options that read a form back, whatever its names look like."""
    if form == "folders":
        return {"label_from": "top" if dataset.samples.splits is None else "level 2"}
    return {"format": "label-table", "label_column": "label"} if form == "hf" else {"format": form}


def _digest_all(images: Images | None, n: int, workers: int, progress: Progress) -> list[str]:
    if images is None:
        return [""] * n
    found: list[str] = []

    def read(rows: Sequence[int]) -> list[str]:
        return [digest(images.encoded(row)) for row in rows]

    with ThreadPoolExecutor(max(1, workers), thread_name_prefix="read back") as pool:
        for part in pool.map(read, [range(start, min(start + _CHUNK, n)) for start in range(0, n, _CHUNK)]):
            found += part
            progress("read back", len(found), n)
    return found
