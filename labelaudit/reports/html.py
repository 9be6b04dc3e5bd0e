"""``report.html``: the audit as one file to look at, that needs nothing but a browser.

Text from data passes `printable` and Jinja's escaping, or goes into one JSON block without ``<``, ``>`` and ``&`` that
the page's script only ever turns into text. A content security policy allows that one script and style by their hashes
and images as ``data:``, nothing else; the page asks no network for anything. The same audit and images give the same
bytes. Left out: where the images lie on this machine, since reports are passed on; and the images at full size.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from labelaudit.document import Audit
from labelaudit.errors import RunError
from labelaudit.judge import FILE as JUDGE
from labelaudit.judge import Judge
from labelaudit.memory import Memory
from labelaudit.reports import figures, thumbnails
from labelaudit.reports.checked import Checked
from labelaudit.reports.json import plain
from labelaudit.reports.text import printable
from labelaudit.reports.thumbnails import Thumbnails
from labelaudit.types import Images, Ints, Progress, silent

FILE = "report.html"
"""Its name in a RUN folder."""
MOST = 5000
"""Suspects that a report shows unless told otherwise; ``suspects.csv`` has all of them."""

_LARGE, _SMALL, _FEW = 160, 96, 1000  # side of a suspect's picture: large for a few suspects, small for more
_NEAR_SIDE, _NEAR, _WITH_NEAR = 72, 3, 500  # look-alikes of each class, beside that many suspects
_PAIRS, _CLASSES, _FINDINGS = 12, 25, 500  # rows shown at once: pairs, classes (the rest folded), findings of a kind
_FACES = 100  # findings of a kind with their pictures
_FOLDED = 2000  # classes in the fold
_SCRIPTS = ("cards.js", "page.js")  # one after the other they are the page's one script
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


@dataclass(frozen=True, kw_only=True)
class Page:
    """A report made, and what it does not show."""

    text: str
    """The HTML file."""
    shown: int
    """Suspects in it."""
    total: int
    """Suspects of the audit."""
    unpictured: int
    """Suspects shown without their picture although the audit has images."""
    why: str
    """What is wrong with the first of these."""

    def account(self) -> list[str]:
        """What is in it and what is not, in a few phrases for a person."""
        said = [f"{self.shown:,} suspect{'' if self.shown == 1 else 's'}"]
        if self.shown < self.total:
            said.append(f"the other {self.total - self.shown:,} are in suspects.csv")
        if self.unpictured:
            said.append(f"{self.unpictured:,} without a picture: {self.why}")
        return said


def write(audit: Audit, path: Path, **options: Any) -> Page:
    """Write `render` of ``audit`` to ``path``, whole or not at all.

    Raises:
        RunError: it cannot be written there.
    """
    page = render(audit, **options)
    place(page.text, path)
    return page


def place(text: str, path: Path) -> None:
    """Write ``text`` to ``path`` by way of a hidden sibling, so that ``path`` is never half a report."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        partial.write_text(text, encoding="utf-8", newline="\n")
        partial.replace(path)
    except OSError as error:
        raise RunError(f"cannot write {path} ({error.strerror or error}): choose another file with -o") from error
    finally:
        partial.unlink(missing_ok=True)


def render(
    audit: Audit,
    *,
    images: Images | None = None,
    trouble: str = "",
    checked: Checked | None = None,
    most: int = MOST,
    workers: int = 2,
    progress: Progress = silent,
) -> Page:
    """The report of ``audit`` with its ``most`` worst suspects.

    Args:
        audit: with look-alikes where it has a judge, in memory or in its RUN.
        images: aligned with the samples; those of the audit unless given. Only what is shown is decoded.
        trouble: why there are no images although the audit was made of some, for a person.
        checked: what people's verdicts say, where there are any.
        most: at most that many suspects.
        workers: threads that read and decode.
        progress: hears about the pictures.
    """
    images = audit.samples.images if images is None else images
    rows = audit.suspects[: max(0, most)].tolist()
    near, faces = (_look_alikes(audit, rows), _faces(audit)) if images is not None else ({}, {})
    if images is None:
        drawn = thumbnails.missing(rows if trouble else (), trouble)
    else:
        sides = {row: _NEAR_SIDE for pair in near.values() for side in pair for row in side}
        sides |= dict.fromkeys(faces.values(), _NEAR_SIDE)
        sides |= dict.fromkeys(rows, _LARGE if len(rows) <= _FEW else _SMALL)
        drawn = thumbnails.draw(audit.samples, images, sides, workers=workers, progress=progress)
    data = _data(audit, rows, near, drawn)
    data |= {"pictured": images is not None or bool(trouble)} | _verdicts(checked, rows)
    seen = {path: drawn.files[drawn.place[row]] for path, row in faces.items() if row in drawn.place}
    text = _fill(audit, data, checked, faces=seen, shown=len(rows))
    return Page(
        text=text,
        shown=len(rows),
        total=len(audit.suspects),
        unpictured=len(data["problem"]),
        why=next(iter(data["problem"].values()), ""),
    )


def _look_alikes(audit: Audit, rows: list[int]) -> dict[int, tuple[tuple[int, ...], tuple[int, ...]]]:
    """Row of a suspect -> rows of images like it, of its given and of its suggested class; the worst suspects only."""
    judge = audit.judge
    if judge is None and JUDGE in audit.files:
        try:
            judge = Judge.load(audit.files[JUDGE])
        except RunError:
            return {}
    if judge is None or len(judge.memory) != len(audit.samples):
        return {}
    rows = rows[:_WITH_NEAR]
    given, better = audit.samples.labels[rows], audit.decision.predicted[rows]
    sides = zip(_alike(judge.memory, rows, given), _alike(judge.memory, rows, better), strict=True)
    return dict(zip(rows, sides, strict=True))


def _alike(memory: Memory, rows: list[int], labels: Ints) -> list[tuple[int, ...]]:
    """For each of ``rows`` what `Judge.alike` finds for its label, one class at a time: large classes are read once."""
    found: list[tuple[int, ...]] = [()] * len(rows)
    for label in np.unique(labels).tolist():
        asked = np.flatnonzero(labels == label)
        right = np.flatnonzero((memory.labels == label) & memory.right)
        if not len(right):
            continue
        mine = np.asarray(rows)[asked]
        cosines, places = memory.take(right).nearest(memory.vectors[mine], 3 * _NEAR, digests=memory.digests[mine])
        for place, likeness, near in zip(asked.tolist(), cosines, places, strict=True):
            distinct: dict[bytes, int] = {}
            for row in right[near[np.isfinite(likeness)]].tolist():
                distinct.setdefault(memory.digests[row], row)
            found[place] = tuple(distinct.values())[:_NEAR]
    return found


def _data(
    audit: Audit,
    rows: list[int],
    near: Mapping[int, tuple[tuple[int, ...], tuple[int, ...]]],
    drawn: Thumbnails,
) -> dict[str, Any]:
    """What the page's script reads: columns of the suspects, and pictures by number."""
    samples, decision = audit.samples, audit.decision
    pick = audit.suspects[: len(rows)]
    given, better = samples.labels[pick], decision.predicted[pick]
    kinds = [figures.kind_of(decision.reasons[row]) for row in rows]
    names, reasons = list(dict.fromkeys(kinds)), list(dict.fromkeys(decision.reasons[row] for row in rows))
    reason_number = {reason: place for place, reason in enumerate(reasons)}
    others = list(dict.fromkeys(row for row in near for side in near[row] for row in side))
    number = {row: place for place, row in enumerate(others)}
    remarks: dict[str, list[str]] = {}
    for finding in audit.findings:
        for path in {finding.path, finding.partner} - {""}:
            remarks.setdefault(path, []).append(printable(f"{finding.kind.replace('_', ' ')}: {finding.detail}"))
    return {
        "total": len(audit.suspects),
        "classes": [printable(name) for name in samples.classes],
        "kinds": names,
        "reasons": [printable(reason) for reason in reasons],
        "path": [printable(samples.ids[row]) for row in rows],
        "exact": {place: samples.ids[row] for place, row in enumerate(rows) if not samples.ids[row].isprintable()},
        "split": None if samples.splits is None else [printable(samples.splits[row]) for row in rows],
        "given": given.tolist(),
        "suggested": better.tolist(),
        "score": _short(1 - decision.suspicion[pick]),
        "givenProb": _short(decision.probs[pick, given]),
        "suggestedProb": _short(decision.probs[pick, better]),
        "kind": [names.index(kind) for kind in kinds],
        "reason": [reason_number[decision.reasons[row]] for row in rows],
        "evidence": {printable(name): _short(found.suspicion[pick], 3) for name, found in audit.evidence.items()},
        "remarks": {place: remarks[samples.ids[row]] for place, row in enumerate(rows) if samples.ids[row] in remarks},
        "picture": [drawn.place.get(row, -1) for row in rows],
        "problem": {place: printable(drawn.problems[row]) for place, row in enumerate(rows) if row in drawn.problems},
        "near": [[[number[row] for row in side] for side in near[row]] for row in rows if row in near],
        "nearPath": [printable(samples.ids[row]) for row in others],
        "nearPicture": [drawn.place.get(row, -1) for row in others],
        "pictures": drawn.files,
    }


def _verdicts(checked: Checked | None, rows: list[int]) -> dict[str, Any]:
    """What people decided about ``rows``; nothing where nobody has decided anything."""
    if checked is None:
        return {"verdicts": [], "verdict": None}
    words = [checked.words.get(row, "") for row in rows]
    kinds = list(dict.fromkeys(words))
    return {"verdicts": kinds, "verdict": [kinds.index(word) for word in words]}


def _faces(audit: Audit) -> dict[str, int]:
    """Path -> row of the samples that findings are about, the first of each kind."""
    rows = {path: row for row, path in enumerate(audit.samples.ids)} if audit.findings else {}
    paths = (path for _, found in _group_findings(audit) for one in found[:_FACES] for path in (one.path, one.partner))
    return {path: rows[path] for path in paths if path in rows}


def _short(values: Any, digits: int = 4) -> list[float]:
    """Numbers as a page needs them: this many decimals."""
    return [round(float(value), digits) for value in values]


def _fill(
    audit: Audit, data: Mapping[str, Any], checked: Checked | None, *, faces: Mapping[str, str], shown: int
) -> str:
    """The template with the facts of ``audit``; every text that goes in passes `printable` and is escaped."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    style, script = _read("report.css"), "".join(_read(name) for name in _SCRIPTS)
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    classes = figures.rank_classes(audit)
    return environment.from_string(_read("report.html.jinja")).render(
        policy=f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        style=Markup(style),
        script=Markup(script),
        data=Markup(embed(data)),
        audit=audit,
        decision=audit.decision,
        shown=shown,
        near=len(data["near"]),
        unpictured=len(data["problem"]),
        why=next(iter(data["problem"].values()), ""),
        headline=figures.headline(audit),
        caveats=figures.caveats(audit, reviewed=checked is not None),
        checked=checked,
        faces=faces,
        noun="images" if figures.has_images(audit) else "samples",
        heat=figures.map_confusion(audit),
        pairs=audit.confused_pairs(_PAIRS),
        histogram=figures.count_scores(audit),
        classes=classes[:_CLASSES],
        folded=classes[_CLASSES : _CLASSES + _FOLDED],
        unlisted=max(0, len(classes) - _CLASSES - _FOLDED),
        noisiest=max([row["noise_rate"] or 0.0 for row in classes], default=0.0),
        findings=_group_findings(audit),
        most_findings=_FINDINGS,
        weights=_weights(audit),
        settings=_settings(audit),
        seconds=sum(stage.seconds for stage in audit.stages),
        peak=max((stage.peak_bytes for stage in audit.stages), default=0),
    )


def embed(value: Any) -> str:
    r"""``value`` as JSON that no HTML parser can take for markup and any encoding can carry.

    >>> embed({"name": "</script>\udcff"})
    '{"name":"\\u003c/script\\u003e\\udcff"}'
    """
    text = json.dumps(plain(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return text


def _hash(text: str) -> str:
    """``text`` as a source expression of a content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


def _read(name: str) -> str:
    return (files("labelaudit.reports") / "page" / name).read_text(encoding="utf-8")


def _group_findings(audit: Audit) -> list[tuple[str, list[Any]]]:
    """(kind in words, its findings), in the order of the kinds."""
    ordered = sorted(audit.findings, key=lambda finding: finding.kind)
    return [(kind.replace("_", " "), list(group)) for kind, group in groupby(ordered, key=lambda found: found.kind)]


def _weights(audit: Audit) -> list[tuple[str, float]]:
    """(model, share of the pooled opinion), strongest first."""
    weights = {str(name): float(value) for name, value in dict(audit.decision.recipe.get("pool_weights") or {}).items()}
    total = sum(weights.values()) or 1.0
    return sorted(((name, value / total) for name, value in weights.items()), key=lambda entry: (-entry[1], entry[0]))


def _settings(audit: Audit) -> list[tuple[str, str]]:
    """Options of the scan as (name, value), without those left at nothing and without places on this machine."""
    shown = [
        (name.replace("_", " "), _spell(value))
        for name, value in audit.settings.items()
        if name != "source" and value not in (None, {}, [], False)
    ]
    facts = [
        (name.replace("_", " "), str(audit.decision.recipe[name]))
        for name in ("features", "methods_on")
        if audit.decision.recipe.get(name)
    ]
    return [*shown, *facts, ("seed", str(audit.seed)), ("device", audit.device)]


def _spell(value: Any) -> str:
    """A setting as a person writes it."""
    if isinstance(value, (list, tuple)):
        return ", ".join(_spell(part) for part in value)
    return value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
