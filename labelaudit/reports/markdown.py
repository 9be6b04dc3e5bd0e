"""``report.md``: the audit as GitHub-flavoured Markdown, for a pull request, a wiki or a data card.

The same sentences and figures as the HTML report, as far as text can hold them. Names from the data are shown as code
and sentences that may hold names are escaped, so that no file name becomes a link, a mention or a column. Left out:
pictures, and the figures that a table says as well.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from labelaudit.audit.chance import name_share, say_chance
from labelaudit.audit.document import Audit, has_images
from labelaudit.audit.groups import list_worst_groups
from labelaudit.reports import figures
from labelaudit.reports.review_state import ReviewState
from labelaudit.text import as_code, as_prose, markdown_table, name_subject

MOST = 100
"""Suspects listed unless told otherwise."""

_PAIRS, _CLASSES, _FINDINGS = 20, 50, 10  # rows shown: pairs, classes, findings of a kind


def render(audit: Audit, *, checked: ReviewState | None = None, most: int = MOST) -> str:
    """The report of ``audit`` with its ``most`` worst suspects; ``checked``: what people's verdicts say of it."""
    known = figures.name_dataset(audit)
    name = as_code(known) if known else "a dataset without a folder"
    parts = [f"# Label audit of {name}", figures.headline(audit, checked)]
    parts.append("\n".join(f"- {sentence}" for sentence in figures.caveats(audit, checked)))
    if checked is not None:
        parts += ["## Checked by people", *_checked(checked)]
    parts += [*_pairs(audit), *_classes(audit), *_suspects(audit, max(0, most), checked), *_findings(audit)]
    if audit.concentrations:
        said = "\n".join(f"- {as_prose(one.sentence())}" for one in audit.concentrations[:_PAIRS])
        parts += ["## Where the suspects lie", said]
    if groups := list_worst_groups(audit, _PAIRS):
        names = ("group", "given_label", "predicted_label")
        cells = ([*(as_code(row[name]) for name in names), row["flagged"], row["samples"]] for row in groups)
        parts += [
            "## Groups most in doubt",
            markdown_table(("group", "given", "probably", "suspects:", "images:"), cells),
        ]
    if audit.notes:
        parts += ["## Notes", "\n".join(f"- {as_prose(note)}" for note in audit.notes)]
    version = audit.versions.get("labelaudit", "")
    parts.append(
        f"labelaudit {as_code(version)}, seed {audit.seed}, {as_prose(audit.device)}; fingerprint of content and "
        f"labels {as_code(audit.fingerprint)}."
    )
    return "\n\n".join(parts) + "\n"


def _checked(checked: ReviewState) -> Iterable[str]:
    if checked.shares:
        yield markdown_table(
            ("share", "estimate:", "90% interval:"),
            ([share.name, share.shown, share.interval] for share in checked.shares),
        )
    yield "\n".join(f"- {as_prose(sentence)}" for sentence in checked.sentences)


def _pairs(audit: Audit) -> Iterable[str]:
    pairs = audit.confused_pairs(_PAIRS)
    if pairs:
        yield "## Most confused classes"
        yield markdown_table(
            ("given", "probably", "expected:", "suspects:"),
            (
                [as_code(pair["given_label"]), as_code(pair["true_label"]), f"{pair['expected']:,.0f}", pair["flagged"]]
                for pair in pairs
            ),
        )


def _classes(audit: Audit) -> Iterable[str]:
    rows = figures.rank_classes(audit)
    yield "## Classes"
    yield markdown_table(
        ("class", f"{name_share(audit.decision)}:", "suspects:", "images:" if has_images(audit) else "samples:"),
        (
            [
                as_code(row["label"]),
                "cannot be judged" if row["noise_rate"] is None else f"{row['noise_rate']:.1%}",
                f"{row['flagged']:,}",
                f"{row['samples']:,}",
            ]
            for row in rows[:_CLASSES]
        ),
    )
    if len(rows) > _CLASSES:
        yield f"And {len(rows) - _CLASSES:,} less noisy or unjudged classes in `summary.json`."


def _suspects(audit: Audit, most: int, checked: ReviewState | None) -> Iterable[str]:
    """The worst suspects, without those that people have cleared."""
    cleared = [row for row, found in checked.outcomes.items() if found == "cleared"] if checked is not None else []
    suspects = audit.suspects[~np.isin(audit.suspects, cleared)]
    columns = audit.columns(suspects[:most])
    names = ("rank", "path", "given_label", "predicted_label", "reason")
    rows = list(zip(suspects[:most].tolist(), *(columns[name] for name in names), strict=True))
    said = {} if checked is None else checked.words
    yield "## Worst suspects"
    if rows:
        yield markdown_table(
            ("#:", "path", "given", "suggested", "likely wrong", "reason"),
            (
                [
                    rank,
                    *map(as_code, (path, given, better)),
                    as_prose(said[row]) if row in said else say_chance(audit.decision, row),
                    _reason(reason, better),
                ]
                for row, rank, path, given, better, reason in rows
            ),
        )
    if len(suspects) > len(rows):
        yield f"And {len(suspects) - len(rows):,} more in `suspects.csv`."
    elif not rows:
        looks = "looks wrong enough" if audit.decision.judged.any() else "could be judged"
        yield f"None: no label {looks}."


def _reason(reason: str, suggested: str) -> str:
    return "" if figures.adds_nothing(reason, suggested) else as_prose(reason)


def _findings(audit: Audit) -> Iterable[str]:
    if audit.findings:
        yield "## Files and rows with a problem"
    for kind, found in figures.group_findings(audit):
        lines = [f"**{as_prose(kind)}**", ""]
        for finding in found[:_FINDINGS]:
            named = not finding.partner or finding.partner in finding.detail
            partner = "" if named else f" and {as_code(finding.partner)}"
            lines.append(f"- {as_code(name_subject(finding.path))}{partner}: {as_prose(finding.detail)}")
        if len(found) > _FINDINGS:
            lines.append(f"- and {len(found) - _FINDINGS:,} more in `summary.json`")
        yield "\n".join(lines)
