"""Small pictures of samples as text that a page can carry: decoded once per content, in parallel, never fatal.

Left out: the images themselves. A page that shows suspects needs a few hundred pixels of each.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from labelaudit.data.images import ImageError, encoded_of, preview
from labelaudit.images import Images
from labelaudit.types import Progress, Samples, no_progress

STAGE = "report"
"""The stage that progress is reported under."""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Pictures of some rows of the samples; equal content is held once."""

    files: tuple[str, ...]
    """Distinct WebP files in Base64, or their addresses (`address`)."""
    place: Mapping[int, int]
    """Row -> index into `files`."""
    problems: Mapping[int, str]
    """Row -> why there is no picture of it."""


def draw(
    samples: Samples, images: Images, sides: Mapping[int, int], *, workers: int = 2, progress: Progress = no_progress
) -> Pictures:
    """Previews of the rows of ``sides``, each at most that many pixels wide and high.

    Args:
        samples: whose digests tell which rows have the same content.
        images: aligned with ``samples``.
        sides: row -> side in pixels; only these rows are read.
        workers: threads that read and decode.
        progress: hears about the distinct pictures.
    """
    wanted = {(samples.digests[row], side): row for row, side in reversed(list(sides.items()))}
    firsts = sorted(wanted.items(), key=lambda entry: entry[1])
    files, index, refused = list[str](), dict[tuple[str, int], int](), dict[tuple[str, int], str]()
    with ThreadPoolExecutor(max(1, workers), thread_name_prefix=STAGE) as pool:
        drawn = pool.map(lambda entry: _draw(images, entry[1], entry[0][1]), firsts)
        for done, ((key, _), (file, problem)) in enumerate(zip(firsts, drawn, strict=True), start=1):
            if problem:
                refused[key] = problem
            else:
                index[key] = len(files)
                files.append(file)
            progress(STAGE, done, len(firsts))
    keys = {row: (samples.digests[row], side) for row, side in sides.items()}
    return Pictures(
        files=tuple(files),
        place={row: index[key] for row, key in keys.items() if key in index},
        problems={row: refused[key] for row, key in keys.items() if key in refused},
    )


def address(rows: Iterable[int]) -> Pictures:
    """In place of pictures where the server of a page gives them, row by row."""
    places = {row: place for place, row in enumerate(rows)}
    return Pictures(files=tuple(f"thumbnail/{row}" for row in places), place=places, problems={})


def missing(rows: Sequence[int] = (), why: str = "") -> Pictures:
    """No pictures at all, of ``rows`` for the reason ``why``."""
    return Pictures(files=(), place={}, problems=dict.fromkeys(rows, why))


def _draw(images: Images, row: int, side: int) -> tuple[str, str]:
    """The picture of ``row`` in Base64 and "", or "" and what is wrong."""
    try:
        return base64.b64encode(preview(encoded_of(images, row), side)).decode("ascii"), ""
    except ImageError as error:
        return "", str(error)
