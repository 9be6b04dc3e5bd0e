"""From a listing to samples: every file read once, digested and checked, in parallel.

What cannot be used becomes a finding with its reason and is left out; nothing about one file stops the others.
The result does not depend on the number of threads. Left out: keeping what was read, because a dataset's bytes
may not fit in memory.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise, starmap
from pathlib import Path

import numpy as np

from labelaudit.data import exposure as exposures
from labelaudit.data.exposure import Exposed, Exposure
from labelaudit.data.images import ImageError, Survey, encoded_of, survey
from labelaudit.data.listing import Listing
from labelaudit.data.order import sort_classes
from labelaudit.data.source import MAX_PIXELS
from labelaudit.errors import DataError
from labelaudit.files import map_regular
from labelaudit.images import Images, path_of
from labelaudit.packed import Digests, Texts
from labelaudit.text import name_some
from labelaudit.types import Finding, Progress, Samples, no_progress

DIGEST_BYTES = 16
_CHUNK = 64
_NAMES = 1 << 14  # that are digested at a time
_DEPTHS = ("whole", "real")
"""Kinds of values deeper than a byte, as `Survey.deep` names them."""
_Seen = tuple[str, Survey] | Finding
"""An image that was read: its digest and what was seen of it, or a finding without a path."""


def ingest(
    listing: Listing,
    *,
    fewest_classes: int = 2,
    max_pixels: int = MAX_PIXELS,
    workers: int = 2,
    progress: Progress = no_progress,
) -> tuple[Samples, tuple[Finding, ...]]:
    """Read, digest and check every labelled sample of ``listing`` in ``workers`` threads.

    The header of each image is checked; a file that ends early is found where it is decoded. What has more than
    ``max_pixels`` is refused. Samples keep the listing's order; classes are sorted. Without images a sample's digest is
    that of its id. The findings are the listing's, then those met here in the listing's order.

    Raises `DataError` with the counts of what was left out if nothing remains, or fewer than ``fewest_classes``.
    """
    n, images = len(listing.ids), listing.images
    refused = listing.unlabelled()
    labelled: Sequence[int] = range(n)
    if refused:
        labelled = [row for row in range(n) if row not in refused]
    digests = [""] * n
    deep: dict[str, list[exposures.Range]] = {kind: [] for kind in _DEPTHS}
    uniform: dict[int, Finding] = {}
    for row, result in () if images is None else _read_all(images, labelled, max_pixels, workers, progress):
        if isinstance(result, Finding):
            refused[row] = replace(result, path=listing.ids[row])
            continue
        digests[row], seen = result
        if seen.deep is not None:
            deep[seen.deep[0]].append(seen.deep[1])
        if seen.is_uniform:
            detail = "all of its pixels are alike: there is nothing to see"
            uniform[row] = Finding(kind="uniform", path=listing.ids[row], detail=detail)
    met = refused | uniform
    findings = listing.findings + tuple(met[row] for row in sorted(met))
    some = [row for row in labelled if row not in refused] if refused else labelled
    held = sort_classes(map(str, {listing.labels[row] for row in some} if refused else set(listing.labels)))
    classes = held if listing.classes is None else list(listing.classes)
    _require_classes(listing, held, len(some), findings, fewest_classes)
    index = {name: number for number, name in enumerate(classes)}
    number_of = {label: index.get(str(label), 0) for label in set(listing.labels)}
    everything = Samples(
        ids=listing.ids,
        labels=np.fromiter(map(number_of.__getitem__, listing.labels), dtype=np.int64, count=n),
        classes=tuple(classes),
        digests=_digest_names(listing.ids) if images is None else tuple(digests),
        images=None if images is None else _exposed(_verified(images, digests), deep),
        splits=listing.splits,
        extra=listing.extra,
        codes=listing.codes,
        root=listing.root,
    )
    return (everything if len(some) == n else everything.take(np.array(some, dtype=np.int64))), findings


class Verified:
    """`Images` that hand out only the bytes that were digested: what changes while a scan runs is not taken for them.

    Features are kept by digest; those of other bytes would be wrong for good.
    """

    def __init__(self, images: Images, digests: Sequence[str]) -> None:
        self._images, self._digests = images, digests

    def __len__(self) -> int:
        return len(self._images)

    def encoded(self, index: int) -> bytes:
        """The file as it was ingested; raises `ImageError` of kind ``changed`` where it is another one by now."""
        data = self._images.encoded(index)
        if digest(data) != self._digests[index]:
            raise ImageError("changed", "it was changed while it was being scanned: scan again")
        return data

    def path(self, index: int) -> str | None:
        return path_of(self._images, index)


def _verified(images: Images, digests: Sequence[str]) -> Images:
    """`Verified` below the exposure that ``images`` may have."""
    if isinstance(images, Exposed):
        return Exposed(Verified(images.inner, digests), images.exposure)
    return Verified(images, digests)


def digest(data: bytes) -> str:
    """BLAKE2b-128 of some bytes in hexadecimal: what makes two files the same content.

    >>> digest(b"")
    'cae66941d9efbd404e4d88758ea67670'
    """
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).hexdigest()


def digest_file(path: Path) -> str:
    """`digest` of a regular file, whatever its size, in one piece, which leaves Python to other threads; raises
    `OSError` for anything else."""
    return hashlib.blake2b(map_regular(path), digest_size=DIGEST_BYTES).hexdigest()


def _digest_names(names: Sequence[str]) -> Digests:
    """`digest` of each of the ``names``."""
    empty, packed = hashlib.blake2b(digest_size=DIGEST_BYTES), Texts.of(names)
    data, found = packed.data.tobytes(), np.empty((len(names), DIGEST_BYTES), dtype=np.uint8)

    def made(start: int, end: int) -> bytes:
        one = empty.copy()  # in two thirds of the time that a new one takes
        one.update(data[start:end])
        return one.digest()

    for first in range(0, len(names), _NAMES):
        some = found[first : first + _NAMES]
        ends = packed.starts[first : first + len(some) + 1].tolist()
        some.reshape(-1)[:] = np.frombuffer(b"".join(starmap(made, pairwise(ends))), dtype=np.uint8)
    return Digests(found)


def _read_all(
    images: Images, rows: Sequence[int], max_pixels: int, workers: int, progress: Progress
) -> Iterator[tuple[int, _Seen]]:
    """Yield each of ``rows``, in their order, with what `_read` makes of it in one of the ``workers`` threads."""
    chunks = [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]
    done = 0
    with ThreadPoolExecutor(max(1, workers), thread_name_prefix="ingest") as pool:
        for chunk, results in zip(chunks, pool.map(lambda some: _read(images, some, max_pixels), chunks), strict=True):
            yield from zip(chunk, results, strict=True)
            done += len(chunk)
            progress("ingest", done, len(rows))


def _read(images: Images, rows: Sequence[int], max_pixels: int) -> list[_Seen]:
    """For each row its digest and what was seen of it, or a finding without a path that says what is wrong."""
    results: list[_Seen] = []
    for row in rows:
        try:
            data = encoded_of(images, row)
            results.append((digest(data), survey(data, max_pixels=max_pixels)))
        except ImageError as error:
            results.append(Finding(kind=error.kind, path="", detail=str(error)))
    return results


def _exposed(images: Images, deep: dict[str, list[exposures.Range]]) -> Images:
    """``images`` with one exposure for those that are deeper than a byte, unless they have one."""
    told = images.exposure if isinstance(images, Exposed) else Exposure()
    if told.whole or told.real or not any(deep.values()):
        return images
    whole, real = (exposures.settle(deep[kind], real=kind == "real") if deep[kind] else None for kind in _DEPTHS)
    inner = images.inner if isinstance(images, Exposed) else images
    return Exposed(inner, replace(told, whole=whole, real=real))


def _require_classes(
    listing: Listing, classes: Sequence[str], kept: int, findings: Sequence[Finding], fewest: int
) -> None:
    """Raise `DataError`, with the counts of what was left out, where fewer than ``fewest`` classes remain."""
    where = f"'{listing.root}'" if listing.root else "the labels"
    counts = ", ".join(f"{count} {kind}" for kind, count in Counter(found.kind for found in findings).most_common())
    left_out = f" (left out: {counts})" if counts else ""
    first = f"; the first: {findings[0].path}: {findings[0].detail}" if findings else ""
    if not classes:
        raise DataError(f"nothing to audit in {where}{left_out}{first}")
    if len(classes) < fewest:
        images = f"{kept} image{'s' * (kept != 1)}"
        only = f"only one class in {where}, '{classes[0]}' with {images}{left_out}"
        if sum(found.kind == "unreadable" for found in findings) > kept:
            raise DataError(f"{only}{first}")
        advice = "the folder above it, name a table with `labels`, or say where the classes are with `label_from`"
        if not listing.root or not Path(listing.root).is_dir():
            advice = "labels of two classes or more"
        others = [name for name, cells in listing.extra.items() if 1 < len({*cells}) < len(cells)]
        if listing.origin.startswith("column") and others:
            advice = f"the column of the labels with `label_column` ({name_some(others, 4)})"
        raise DataError(f"{only}: an audit compares classes, so give {advice}{listing.hints}")
