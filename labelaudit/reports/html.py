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
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from labelaudit.audit.chance import has_numbers, name_share, what_sets
from labelaudit.audit.document import Audit, has_images
from labelaudit.audit.groups import list_worst_groups
from labelaudit.audit.json import plain
from labelaudit.audit.run import REPORT
from labelaudit.errors import LabelAuditError, reason_of, writing
from labelaudit.estimate.price import list_prices
from labelaudit.files import write_text
from labelaudit.images import Images
from labelaudit.reports import figures, gallery
from labelaudit.reports.insight import Insight, look_into
from labelaudit.reports.review_state import ReviewState, read_review_state
from labelaudit.text import interval, name_subject, printable, size
from labelaudit.types import Progress, no_progress

MOST = 5000
"""Suspects that a report shows unless told otherwise; ``suspects.csv`` has all of them."""

_PAIRS, _CLASSES, _FINDINGS = 12, 25, 500  # rows shown at once: pairs, classes (the rest folded), findings of a kind
_FOLDED = 2000  # classes in the fold
_SCRIPTS = ("cards.js", "detail.js", "filters.js", "landscape.js", "page.js")  # one after the other: the page's script
_LIVE = "live.js"  # before the last of these, where people judge in the page itself
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
    """The error of the first of these."""
    policy: str
    """The content security policy that it carries, for a server to send along."""
    lost: str
    """The reason it shows no look-alikes although the audit keeps what finds them."""

    def account(self) -> list[str]:
        """The parts in it and those that are not, in a few phrases for a person."""
        said = [f"{self.shown:,} suspect{'' if self.shown == 1 else 's'}"]
        if self.shown < self.total:
            said.append(f"the other {self.total - self.shown:,} are in suspects.csv")
        if self.unpictured:
            said.append(f"{self.unpictured:,} without a picture: {self.why}")
        if self.lost:
            said.append(f"without look-alikes: {self.lost}")
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
    """Write ``text`` to ``path``, which is never half a report."""
    with writing(path, "choose another file with `output`"):
        write_text(text, path)


def has_no_pictures(path: Path) -> bool:
    """Whether ``path`` is a page without any picture, so that another one in its place takes none away."""
    try:
        return '"pictures":[]' in path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def render(
    audit: Audit,
    *,
    images: Images | None = None,
    trouble: str = "",
    checked: ReviewState | None = None,
    most: int = MOST,
    live: bool = False,
    link: Mapping[int, str] | None = None,
    workers: int = 2,
    progress: Progress = no_progress,
) -> Page:
    """The report of ``audit`` with its ``most`` worst suspects.

    Args:
        audit: with look-alikes where it has a judge, in memory or in its RUN.
        images: aligned with the samples; those of the audit unless given. Only what is shown is decoded.
        trouble: why there are no images although the audit was made of some, for a person.
        checked: what people's verdicts say, where there are any.
        most: at most that many suspects.
        live: a server stands behind the page, which takes verdicts and shows originals (`labelaudit.review`).
        link: sample -> address of its original, which the enlarged view then shows.
        workers: threads that read and decode.
        progress: hears about the pictures.
    """
    images = audit.samples.images if images is None else images
    rows, seen = audit.suspects[: max(0, most)].tolist(), look_into(audit)
    data, faces, lost = gallery.fill(
        audit,
        rows,
        images=images,
        trouble=trouble,
        checked=checked,
        besides=seen.rows,
        live=live,
        workers=workers,
        progress=progress,
    )
    data["live"] = live
    data["link"] = {place: link[row] for place, row in enumerate(rows) if link and row in link}
    text, policy = _fill(audit, data, checked, seen, faces=faces, shown=len(rows))
    return Page(
        text=text,
        policy=policy,
        shown=len(rows),
        total=len(audit.suspects),
        unpictured=len(data["problem"]),
        why=next(iter(data["problem"].values()), ""),
        lost=lost,
    )


def _fill(
    audit: Audit,
    data: Mapping[str, Any],
    checked: ReviewState | None,
    seen: Insight,
    *,
    faces: Mapping[str, str],
    shown: int,
) -> tuple[str, str]:
    """The template with the facts of ``audit``, and the policy in it; every text passes `printable` and is escaped."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    scripts = (*_SCRIPTS[:-1], _LIVE, _SCRIPTS[-1]) if data["live"] else _SCRIPTS
    style, script = _read("report.css"), "".join(_read(name) for name in scripts)
    sources = f"script-src {_hash(script)}; style-src {_hash(style)}; "
    sources += "img-src data: 'self'; connect-src 'self'; " if data["live"] else "img-src data:; "
    if data["link"]:
        sources = sources.replace("data:", "data: file:")
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    classes = figures.rank_classes(audit)
    judged = () if checked is None else (tuple(checked.outcomes), checked.settled)
    prices = list_prices(audit, *judged) if has_numbers(audit.decision) else []  # once verdicts have set the scale
    policy = f"default-src 'none'; {sources}base-uri 'none'; form-action 'none'"
    text = environment.from_string(_read("report.html.jinja")).render(
        policy=policy,
        style=Markup(style),
        script=Markup(script),
        data=Markup(embed(data)),
        audit=audit,
        named=figures.name_dataset(audit),
        decision=audit.decision,
        shown=shown,
        near=len(data["near"]),
        mapped=data["map"] is not None,
        index={name: index for index, name in enumerate(audit.samples.classes)},
        unpictured=len(data["problem"]),
        why=next(iter(data["problem"].values()), ""),
        unknown=what_sets(audit.decision, 0 if checked is None else len(checked.settled)),
        headline=figures.headline(audit, checked),
        caveats=figures.caveats(audit, checked),
        knows_noise=math.isfinite(audit.decision.noise_rate),
        checked=checked,
        seen=seen,
        live=data["live"],
        tiers=data["tier"] is not None,
        sure=int(audit.decision.is_sure.sum()),
        nobody={"wrong": 0, "cleared": 0, "unclear": 0, "open": len(audit.suspects)},
        measured=has_numbers(audit.decision),
        share_name=name_share(audit.decision),
        share=interval,
        name_subject=name_subject,
        prices=prices,
        faces=faces,
        noun="images" if has_images(audit) else "samples",
        heat=figures.map_confusion(audit),
        pairs=audit.confused_pairs(_PAIRS),
        groups=list_worst_groups(audit, _PAIRS),
        histogram=figures.count_scores(audit),
        classes=classes[:_CLASSES],
        folded=classes[_CLASSES : _CLASSES + _FOLDED],
        unlisted=max(0, len(classes) - _CLASSES - _FOLDED),
        noisiest=max([row["noise_rate"] or 0.0 for row in classes], default=0.0),
        findings=figures.group_findings(audit),
        most_findings=_FINDINGS,
        weights=_weights(audit),
        settings=_settings(audit),
        seconds=sum(stage.seconds for stage in audit.stages),
        peak=size(max((stage.peak_bytes for stage in audit.stages), default=0)),
    )
    return text, policy


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


def add_report(
    audit: Audit,
    folder: Path,
    *,
    images: Images | None = None,
    workers: int = 2,
    progress: Progress = no_progress,
    notice: Callable[[str], None] = lambda _: None,
) -> bool:
    """Write the report of ``audit`` into its RUN, which is complete without it; with ``images`` in place of its own.

    Returns whether there is a report now; what prevented it goes to ``notice``, since the scan itself is saved.
    """
    checked = None
    try:
        checked = read_review_state(audit, folder)
    except LabelAuditError as error:
        notice(f"the report leaves out the verdicts: {error}")
    try:
        write(audit, folder / REPORT, images=images, checked=checked, workers=workers, progress=progress)
    except Exception as error:  # whatever it is, it may not cost the scan
        what = str(error) if isinstance(error, LabelAuditError) else reason_of(error)
        notice(f"{REPORT} was not written ({what}); everything else is: try `labelaudit report`")
        return False
    return True
