"""The records exchanged with another tool: one `Task` an image goes out, one `Answer` an entry comes back.

The digest of the image and its given label travel with each task, so that what comes back finds its sample even after
renaming. Text is carried exactly where a format can hold it; `writable` is what the others get, and what an answer is
compared with too. Left out: boxes, polygons and several labels for one image.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO
from urllib.parse import quote

from labelaudit.audit.document import Audit
from labelaudit.data.images import ImageError, preview, probe
from labelaudit.data.source import MOST_PIXELS
from labelaudit.errors import OptionError
from labelaudit.images import Images
from labelaudit.review.pictures import SIDE, media_type_of
from labelaudit.review.queue import Queue, ask

NO_CLASS = "(no class fits)"
CANNOT_TELL = "(cannot tell)"
SUSPECT = "(suspect)"
RESERVED = (NO_CLASS, CANNOT_TELL, SUSPECT)
"""Choices beside the classes; a dataset with a class of such a name cannot be handed out."""

_FEW = 10
"""Classes up to which all of them are offered everywhere."""
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, kw_only=True)
class Task:
    """One image to judge. What the model thinks is empty where the queue is blind."""

    path: str
    digest: str
    given_label: str
    options: tuple[str, ...]
    """The classes to offer where a thousand would be too many, the candidates first."""
    suggested_label: str = ""
    label_score: float | None = None
    """1 - suspicion, lower = worse."""
    reason: str = ""
    size: tuple[int, int] | None = None
    """Width and height in pixels, where a format needs them."""
    image: str = ""
    """The address under which the tool finds the image, or the image itself as a ``data:`` address."""

    def identity(self) -> dict[str, str]:
        """The fields by which an answer is found again."""
        return {"path": self.path, "digest": self.digest, "given_label": self.given_label}

    def opinion(self) -> dict[str, str | float]:
        """The model's view of the label, where it may be shown."""
        if self.label_score is None:
            return {}
        score = round(self.label_score, 6)
        return {"suggested_label": self.suggested_label, "label_score": score, "reason": self.reason}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One entry that came back."""

    entry: str
    """Its place in the file, such as ``task 12`` or ``line 7``."""
    kind: Literal["class", "suggested", "none", "skip"]
    """suggested: a class of which the entry itself says that it is the suggested one."""
    label: str = ""
    """The right class, where ``kind`` is ``class`` or ``suggested``."""
    path: str = ""
    digest: str = ""
    given_label: str = ""
    reviewer: str = ""
    time: str = ""


@dataclass(frozen=True)
class Refused:
    """One entry that came back and is not an answer that can be taken."""

    entry: str
    path: str
    reason: str
    """The rest of a sentence that begins with the entry."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """The functions and defaults that one file of this package offers."""

    suffix: str
    """The ending of its files."""
    write: Callable[[Iterable[Task], TextIO], None]
    read: Callable[[bytes], Iterator[Answer | Refused]]
    """Every entry that somebody answered; raises `DataError` where the file is not an export at all."""
    advise: Callable[[Path, str], tuple[str, ...]]
    """The next steps with the file that was written, a sentence each."""
    setup: Callable[[Sequence[str]], str] | None = None
    """The text of a second file that tells the tool about the classes."""
    setup_suffix: str = ""
    prefix: str = ""
    """The text its tool expects before an image's path unless told otherwise."""
    embeds: bool = False
    """Whether an image can be part of the file."""
    measures: bool = False
    """Whether it needs the sizes of the images."""
    by_path: str = ""
    """A remark for the case that the images are not part of the file."""


def make_tasks(
    audit: Audit, queue: Queue, *, prefix: str, images: Images | None, embed: bool, left_out: list[str]
) -> Iterator[Task]:
    """One task for each image of ``queue``, in its order. Nothing but one image is in memory at a time.

    Args:
        audit: of the RUN that the queue is of.
        queue: the rows to hand out.
        prefix: of the addresses of the images.
        images: where their sizes are wanted, or they are to be part of the file.
        embed: whether they are.
        left_out: is given the paths of images that are missing or were changed.
    """
    classes, decision, blind = audit.samples.classes, audit.decision, queue.blind
    in_address = "://" in prefix or "?" in prefix  # and not in a path on a disk
    for row in queue.rows:
        path, digest, given = audit.samples.claim(row)
        size = None
        address = prefix + (quote(path, errors="surrogateescape") if in_address else path)
        if images is not None:
            try:
                data = images.encoded(row)
                size = probe(data, max_pixels=MOST_PIXELS)
                address = _embedded(data) if embed else address
            except ImageError:
                left_out.append(path)
                continue
        question = ask(audit, row, blind=blind)
        few = range(len(classes)) if len(classes) <= _FEW else ()
        offered = dict.fromkeys((question.left, question.right, *question.further, *few))
        yield Task(
            path=path,
            digest=digest,
            given_label=given,
            options=tuple(classes[c] for c in offered),
            suggested_label="" if blind else classes[question.rival],
            label_score=None if blind else 1 - float(decision.suspicion[row]),
            reason="" if blind else decision.reasons[row],
            size=size,
            image=address,
        )


def writable(text: str) -> str:
    r"""``text`` with what XML and UTF-8 cannot hold written as an escape.

    >>> writable("caf\udce9\x01")
    'caf\\udce9\\x01'
    """
    return _UNWRITABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def answered(text: str) -> tuple[Literal["class", "none", "skip"], str]:
    """The kind of an answer and its class, from a choice as the tool wrote it."""
    if text == NO_CLASS:
        return "none", ""
    return ("skip", "") if text == CANNOT_TELL else ("class", text)


def check_classes(classes: Iterable[str]) -> None:
    """Refuse classes that cannot be told from our own choices; raises `OptionError`."""
    for name in classes:
        if name in RESERVED:
            raise OptionError(f"a class is called '{name}', which stands for an answer here: rename it to export")


def _embedded(data: bytes) -> str:
    media_type = media_type_of(data)
    if media_type is None:
        data, media_type = preview(data, SIDE), "image/webp"
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
