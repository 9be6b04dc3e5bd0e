"""``labelaudit inspect``: what a dataset is taken for, before anything is scanned."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelaudit.errors import DataError
from labelaudit.text import count

from .console.options import ColorOption, Json
from .console.reading import UNSAID, spell_reading, takes_source
from .console.runs import DEFAULT
from .console.streams import as_typed, brief, open_console, say_json, spell_path

if TYPE_CHECKING:
    from labelaudit.data.listing import Listing
    from labelaudit.types import Finding

_SHOWN, _EXAMPLES = 20, 5


@takes_source
def inspect(
    ctx: typer.Context,
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Folder, table, archive, shards or address, as for scan.")
    ],
    how: Mapping[str, Any] = UNSAID,
    as_json: Json = False,
    color: ColorOption = "auto",
) -> None:
    """Show how DATA is read: what it is taken for, its classes, where labels come from, how rows match files.

    Example: `labelaudit inspect ./images`

    No image is decoded. Where it is not certain what the labels are, the possible readings are listed with what to
    type for each, and the exit code is 2.
    """
    from labelaudit.data.source import Source
    from labelaudit.data.sources import inspect_source
    from labelaudit.outputs import find_beside

    what, listing = inspect_source(Source(data=data, **how))
    if what.endswith("(1 class)") and how["label_from"] is None:
        raise DataError(
            f"'{data}' has one folder of images only, {listing.origin}: '{listing.labels[0]}' is a class or holds "
            "everything. Give the folder above it or a table with --labels, or say --label-from parent if it is a "
            f"class{listing.hints}"
        )
    broken = _broken(listing)
    if broken and len(broken) == len(_examples(listing)):
        raise DataError(f"'{data}': none of {len(broken)} examples is an image; the first, {broken[0]}")
    if as_json:
        say_json(_document(what, listing))
        return
    console = open_console(sys.stdout, color)
    for line in [*_lines(what, listing), *(f"No image: {one}" for one in broken)]:
        console.print(as_typed(line))
    if data is not None and not broken:
        typed = " ".join(["labelaudit scan", spell_path(data), *spell_reading(ctx)])
        if data.resolve() in DEFAULT.resolve().parents and data.is_dir():
            typed += f" -o {spell_path(Path(find_beside(data, DEFAULT)))}"
        console.print(as_typed(f"Next: {typed}"), soft_wrap=True)


def _document(what: str, listing: Listing) -> dict[str, Any]:
    from labelaudit.data.source import reading_notes

    counts = _counts(listing)
    splits = Counter(listing.splits or ())
    return {
        "recognised": what,
        "labels": listing.origin,
        "images": len(listing.ids),
        "classes": counts,
        "splits": dict(splits),
        "examples": [{"path": listing.ids[row], "label": listing.labels[row]} for row in _examples(listing)],
        "findings": dict(Counter(finding.kind for finding in _findings(listing))),
        "notes": list(reading_notes(listing)),
        "columns": _further(listing),
    }


def _lines(what: str, listing: Listing) -> list[str]:
    from labelaudit.data.source import reading_notes

    counts = _counts(listing)
    named = [(brief(name), number) for name, number in list(counts.items())[:_SHOWN]]
    width = max((len(name) for name, _ in named), default=0)
    lines = [f"Recognised: {what}.", f"Labels: {listing.origin}."]
    lines.append(f"{count(sum(counts.values()), 'image')} of {count(len(counts), 'class', 'classes')}:")
    lines += [f"  {name:<{width}}  {number:,}" for name, number in named]
    lines += [f"  and {len(counts) - _SHOWN:,} more classes"] if len(counts) > _SHOWN else []
    if listing.splits is not None:
        splits = ", ".join(f"{name} {number:,}" for name, number in Counter(listing.splits).items())
        lines.append(f"Splits: {splits}.")
    lines += [
        "For instance:",
        *(f"  {listing.ids[row]}  ->  {brief(str(listing.labels[row]))}" for row in _examples(listing)),
    ]
    lines += [f"Further columns: {', '.join(further)}."] if (further := _further(listing)) else []
    lines += reading_notes(listing)
    findings = _findings(listing)
    kinds = Counter(finding.kind for finding in findings)
    for kind, number in kinds.most_common():
        first = next(finding for finding in findings if finding.kind == kind)
        lines.append(f"{number:,} {kind}, the first: {first.path} ({first.detail})")
    return lines


def _further(listing: Listing) -> list[str]:
    """Columns that the data has beside paths and labels."""
    from labelaudit.data.votes import VOTES

    return [name for name in listing.extra if name != VOTES]


def _findings(listing: Listing) -> list[Finding]:
    """Those of the listing, and the rows that a scan leaves out because they have no label."""
    return [*listing.findings, *listing.unlabelled().values()]


def _counts(listing: Listing) -> dict[str, int]:
    """Class -> images, in the order of classes."""
    from labelaudit.data.order import sort_classes

    counts = Counter(label for label in listing.labels if label is not None)
    order = sort_classes(counts) if listing.classes is None else listing.classes
    return {name: counts.get(name, 0) for name in order}


def _broken(listing: Listing) -> list[str]:
    """Those of the examples whose first bytes are of no image, each with the reason."""
    from labelaudit.data.formats import describe, identify

    images, found = listing.images, []
    for row in _examples(listing) if images is not None else ():
        try:
            assert images is not None
            data = images.encoded(row)
            reason = "" if identify(data) else describe(data)
        except (DataError, OSError, ValueError) as error:
            reason = str(getattr(error, "strerror", None) or error)
        if reason:
            found.append(f"'{listing.ids[row]}': {reason}")
    return found


def _examples(listing: Listing) -> list[int]:
    """Rows spread over the dataset."""
    n = len(listing.ids)
    return sorted({round(step * (n - 1) / max(1, _EXAMPLES - 1)) for step in range(_EXAMPLES)}) if n else []
