"""The data of the page's script: the suspects in columns, their pictures and those of their look-alikes by number.

A picture is decoded and held once per content. The worst suspects are shown beside images like them, of the given and
of the suggested class, which the audit takes to be right. Left out: images at full size, and where they lie.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from labelaudit.audit.chance import is_measured, say_chance
from labelaudit.audit.document import Audit
from labelaudit.errors import RunError
from labelaudit.images import Images
from labelaudit.judge.memory import Memory
from labelaudit.reports import figures, landscape, thumbnails
from labelaudit.reports.review_state import ReviewState
from labelaudit.reports.thumbnails import Pictures
from labelaudit.text import printable
from labelaudit.types import TIERS, Floats, Ints, Progress, no_progress
from labelaudit.verdicts import OUTCOMES

_LARGE, _SMALL, _FEW = 160, 96, 1000  # side of a suspect's picture: large for a few suspects, small for more
_NEAR_SIDE, _NEAR, _WITH_NEAR = 72, 3, 500  # look-alikes of each class, beside that many suspects
_LIKELY_CLASSES = 3  # of each suspect, with their probabilities
_SHOWN = ("sure", "doubtful")
_FACES = 100  # findings of a kind with their pictures
_DISTINCT = 0.75  # share of look-alikes that are not those of another suspect too

Pairs = Mapping[int, tuple[tuple[int, ...], tuple[int, ...]]]
"""Row of a suspect -> rows of images like it, of its given and of its suggested class."""
_LOCK = Lock()
_KEPT: WeakKeyDictionary[Audit, tuple[list[int], tuple[Pairs, dict[str, Any] | None, str]]] = WeakKeyDictionary()
"""Audit -> the suspects that were asked about, and what `_find_likeness` found."""


def fill(
    audit: Audit,
    rows: list[int],
    *,
    images: Images | None,
    trouble: str = "",
    checked: ReviewState | None = None,
    besides: Sequence[int] = (),
    live: bool = False,
    workers: int = 2,
    progress: Progress = no_progress,
) -> tuple[dict[str, Any], dict[str, str], str]:
    """The data of the page, the pictures beside its figures (path -> Base64), and why there are no look-alikes.

    ``rows`` are the suspects shown, worst first; findings have pictures, and the rows ``besides``; the other arguments
    are those of `html.render`. Of a ``live`` page only what its figures need is decoded; the server gives it the rest
    when it comes into view.
    """
    near: Pairs = {}
    faces: dict[str, int] = {}
    known, chart, lost = _find_likeness(audit, rows if images is not None else [])
    if images is None:
        drawn = thumbnails.missing(rows if trouble else (), trouble)
    else:
        faces = _faces(audit) | {audit.samples.ids[row]: row for row in besides}
        near = known
        sides = {row: _NEAR_SIDE for pair in near.values() for side in pair for row in side}
        sides |= dict.fromkeys(faces.values(), _NEAR_SIDE)
        sides |= dict.fromkeys(rows, _LARGE if len(rows) <= _FEW else _SMALL)
        embedded = dict.fromkeys(faces.values(), _NEAR_SIDE) if live else sides
        drawn = thumbnails.draw(audit.samples, images, embedded, workers=workers, progress=progress)
    pictured = thumbnails.address(sides) if live and images is not None else drawn
    data = _suspects(audit, rows) | _verdicts(checked, rows) | _pictures(audit, rows, near, pictured)
    data["pictured"] = images is not None or bool(trouble)
    data["map"] = chart
    return data, {path: drawn.files[drawn.place[row]] for path, row in faces.items() if row in drawn.place}, lost


def count_pictures(samples: int, suspects: float) -> float:
    """The number of pictures that a page of so many ``suspects`` among ``samples`` holds, about.

    >>> count_pictures(10_000, 1000)
    3250.0
    """
    return min(samples, suspects + _DISTINCT * 2 * _NEAR * min(suspects, _WITH_NEAR))


def _suspects(audit: Audit, rows: list[int]) -> dict[str, Any]:
    """The columns of the suspects."""
    samples, decision = audit.samples, audit.decision
    pick = np.array(rows, dtype=np.int64)
    given, better = samples.labels[pick], decision.predicted[pick]
    paths = [samples.ids[row] for row in rows]
    shown = min(_LIKELY_CLASSES, decision.probs.shape[1])
    best = np.argsort(-decision.probs[pick], axis=1, kind="stable")[:, :shown]
    kinds, kind = _number([figures.kind_of(decision.reasons[row]) for row in rows])
    chances, chance = _number([say_chance(decision, row) for row in rows])
    reasons, reason = _number([_reason(audit, row) for row in rows])
    tiers = decision.tiers[pick].tolist()
    remarks: dict[str, list[str]] = {}
    for finding in audit.findings:
        what = finding.kind.replace("_", " ")
        remarks.setdefault(finding.path, []).append(printable(f"{what}: {finding.detail}"))
        if finding.partner not in ("", finding.path):  # the detail names the partner, not the other way round
            remarks.setdefault(finding.partner, []).append(printable(f"{what}: with {finding.path}"))
    return {
        "total": len(audit.suspects),
        "row": rows,
        "classes": [printable(name) for name in samples.classes],
        "path": [printable(path) for path in paths],
        "exact": {place: path for place, path in enumerate(paths) if not path.isprintable()},
        "split": None if samples.splits is None else [printable(samples.splits[row]) for row in rows],
        "given": given.tolist(),
        "suggested": better.tolist(),
        "suspicion": _short(decision.suspicion[pick]),
        "measured": is_measured(decision),
        "chances": chances,
        "chance": chance,
        "best": best.tolist(),
        "bestProb": [_short(values) for values in np.take_along_axis(decision.probs[pick], best, axis=1)],
        "kinds": kinds,
        "kind": kind,
        "reasons": reasons,
        "reason": reason,
        "shown": {
            printable(name): {
                "says": printable(about["says"]),
                "worse": about["worse"],
                "values": _plain(audit.shown_values(name)[pick]),
            }
            for name, about in audit.shown.items()
        },
        "methods": {printable(name): _standing(found.suspicion, pick) for name, found in audit.evidence.items()},
        "tiers": _SHOWN,
        "tier": None if decision.sure_threshold is None else [_SHOWN.index(TIERS[tier]) for tier in tiers],
        "remarks": {place: remarks[path] for place, path in enumerate(paths) if path in remarks},
    }


def _pictures(audit: Audit, rows: list[int], near: Pairs, drawn: Pictures) -> dict[str, Any]:
    """The pictures of suspects and look-alikes, by number."""
    others = list(dict.fromkeys(row for pair in near.values() for side in pair for row in side))
    number = {row: place for place, row in enumerate(others)}
    return {
        "picture": [drawn.place.get(row, -1) for row in rows],
        "problem": {place: printable(drawn.problems[row]) for place, row in enumerate(rows) if row in drawn.problems},
        "near": [[[number[row] for row in side] for side in near[row]] for row in rows if row in near],
        "nearRow": others,
        "nearPath": [printable(audit.samples.ids[row]) for row in others],
        "nearPicture": [drawn.place.get(row, -1) for row in others],
        "pictures": drawn.files,
    }


def _find_likeness(audit: Audit, rows: list[int]) -> tuple[Pairs, dict[str, Any] | None, str]:
    """Images like the worst of ``rows``, the map, and why there is neither; kept as long as ``audit`` is, since people
    who judge load a page of the same audit again and again."""
    with _LOCK:
        asked, found = _KEPT.get(audit, ([], None))
        if found is None or asked != rows[:_WITH_NEAR]:
            memory, lost = _read_memory(audit)
            found = {}, None, lost
            if memory is not None:
                chart = landscape.chart(memory, audit.samples.labels, audit.suspects)
                found = _look_alikes(audit, memory, rows), chart, lost
            _KEPT[audit] = rows[:_WITH_NEAR], found
        return found


def _read_memory(audit: Audit) -> tuple[Memory | None, str]:
    """The sample memory of the audit's judge, if it has one; else None and what is wrong with it."""
    try:
        judge = audit.load_judge()
    except RunError as error:
        return None, str(error)
    return (None if judge is None else judge.memory), ""


def _reason(audit: Audit, row: int) -> str:
    """The reason ``row`` is a suspect for; empty if that only repeats the suggested label beside it."""
    reason = audit.decision.reasons[row]
    return "" if figures.adds_nothing(reason, audit.suggested(row)) else printable(reason)


def _standing(suspicion: Floats, pick: Ints) -> list[float]:
    """For each row of ``pick`` the share of all samples that a method suspects less: methods rank, no more."""
    ordered = np.sort(suspicion)
    return _short(np.searchsorted(ordered, suspicion[pick], side="left") / max(1, len(ordered) - 1), 3)


def _look_alikes(audit: Audit, memory: Memory, rows: list[int]) -> Pairs:
    """Images like the worst suspects: of the given class, and of the suggested one; each class is read once."""
    worst = np.array(rows[:_WITH_NEAR], dtype=np.int64)
    sides = np.stack([audit.samples.labels[worst], audit.decision.predicted[worst]], axis=1)
    found: dict[tuple[int, int], tuple[int, ...]] = {}
    for label in np.unique(sides).tolist():
        asked = worst[(sides == label).any(axis=1)]
        near = memory.alike_all(asked, label, _NEAR)
        found |= {(row, label): one for row, one in zip(asked.tolist(), near, strict=True)}
    return {
        row: (found[row, given], found[row, better])
        for row, (given, better) in zip(worst.tolist(), sides.tolist(), strict=True)
    }


def _verdicts(checked: ReviewState | None, rows: list[int]) -> dict[str, Any]:
    """The decisions of people about ``rows``; nothing if nobody has decided anything."""
    if checked is None:
        return {"outcomes": OUTCOMES, "outcome": None, "said": {}}
    return {
        "outcomes": OUTCOMES,
        "outcome": [OUTCOMES.index(checked.outcomes.get(row, "open")) for row in rows],
        "said": {place: printable(checked.words[row]) for place, row in enumerate(rows) if row in checked.words},
    }


def _faces(audit: Audit) -> dict[str, int]:
    """Path -> row of the samples that findings are about, the first of each kind."""
    rows = {path: row for row, path in enumerate(audit.samples.ids)} if audit.findings else {}
    paths = (
        path for _, found in figures.group_findings(audit) for one in found[:_FACES] for path in (one.path, one.partner)
    )
    return {path: rows[path] for path in paths if path in rows}


def _short(values: Any, digits: int = 4) -> list[float]:
    """Numbers as a page needs them: this many decimals."""
    return [round(float(value), digits) for value in values]


def _plain(values: Any) -> list[Any]:
    """Whole numbers and truth values as they are, others in four decimals."""
    return _short(values) if values.dtype.kind == "f" else values.tolist()


def _number(texts: list[str]) -> tuple[list[str], list[int]]:
    """The distinct ``texts``, and for each text its place among them.

    >>> _number(["a", "b", "a"])
    (['a', 'b'], [0, 1, 0])
    """
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    return list(places), [places[text] for text in texts]
