"""``report.md``: the audit as GitHub-flavoured Markdown, for a pull request, a wiki or a data card.

The same sentences and figures as the HTML report, as far as text can hold them. Names from the data are shown as code
and sentences that may hold names are escaped, so that no file name becomes a link, a mention or a column. Left out:
pictures, and the figures that a table says as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from labelaudit.document import Audit
from labelaudit.reports import figures
from labelaudit.reports.checked import Checked
from labelaudit.reports.text import as_code, as_prose

FILE = "report.md"
"""Its name in a RUN folder."""
MOST = 100
"""Suspects listed unless told otherwise."""

_PAIRS, _CLASSES, _FINDINGS = 20, 50, 10  # rows shown: pairs, classes, findings of a kind


def render(audit: Audit, *, checked: Checked | None = None, most: int = MOST) -> str:
    """The report of ``audit`` with its ``most`` worst suspects; ``checked``: what people's verdicts say of it."""
    name = as_code(audit.samples.root) if audit.samples.root else "a dataset without a folder"
    parts = [f"# Label audit of {name}", figures.headline(audit)]
    parts.append("\n".join(f"- {sentence}" for sentence in figures.caveats(audit, reviewed=checked is not None)))
    if checked is not None:
        parts += ["## Checked by people", *_checked(checked)]
    parts += [*_pairs(audit), *_classes(audit), *_suspects(audit, max(0, most)), *_findings(audit)]
    if audit.notes:
        parts += ["## Notes", "\n".join(f"- {as_prose(note)}" for note in audit.notes)]
    version = audit.versions.get("labelaudit", "")
    parts.append(
        f"labelaudit {as_code(version)}, seed {audit.seed}, {as_prose(audit.device)}; fingerprint of content and "
        f"labels {as_code(audit.fingerprint)}."
    )
    return "\n\n".join(parts) + "\n"


def _checked(checked: Checked) -> Iterable[str]:
    if checked.shares:
        yield _table(
            ("share", "estimate:", "90% interval:"),
            ([share.name, share.shown, f"{share.low:.1%} to {share.high:.1%}"] for share in checked.shares),
        )
    yield "\n".join(f"- {as_prose(sentence)}" for sentence in checked.sentences)


def _pairs(audit: Audit) -> Iterable[str]:
    pairs = audit.confused_pairs(_PAIRS)
    if pairs:
        yield "## Most confused classes"
        yield _table(
            ("given", "in truth", "expected:", "suspects:"),
            (
                [as_code(pair["given_label"]), as_code(pair["true_label"]), f"{pair['expected']:,.0f}", pair["flagged"]]
                for pair in pairs
            ),
        )


def _classes(audit: Audit) -> Iterable[str]:
    rows = figures.rank_classes(audit)
    yield "## Classes"
    yield _table(
        ("class", "labels wrong:", "suspects:", "samples:"),
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


def _suspects(audit: Audit, most: int) -> Iterable[str]:
    columns = audit.columns(audit.suspects[:most])
    names = ("rank", "path", "given_label", "predicted_label", "label_score", "reason")
    rows = list(zip(*(columns[name] for name in names), strict=True))
    yield "## Worst suspects"
    if rows:
        yield _table(
            ("#:", "path", "given", "suggested", "score:", "reason"),
            (
                [rank, as_code(path), as_code(given), as_code(better), f"{score:.3f}", as_prose(reason)]
                for rank, path, given, better, score, reason in rows
            ),
        )
        yield "The score is the probability that the given label is right: 0 is worst."
    if len(audit.suspects) > len(rows):
        yield f"And {len(audit.suspects) - len(rows):,} more in `suspects.csv`."
    elif not rows:
        yield "None: no label looks wrong enough."


def _findings(audit: Audit) -> Iterable[str]:
    if audit.findings:
        yield "## Files and rows with a problem"
    for kind, found in figures.group_findings(audit):
        lines = [f"**{len(found):,} {as_prose(kind)}**", ""]
        for finding in found[:_FINDINGS]:
            partner = (
                f" and {as_code(finding.partner)}" if finding.partner and finding.partner not in finding.detail else ""
            )
            lines.append(f"- {as_code(finding.path)}{partner}: {as_prose(finding.detail)}")
        if len(found) > _FINDINGS:
            lines.append(f"- and {len(found) - _FINDINGS:,} more in `summary.json`")
        yield "\n".join(lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; a heading that ends in ``:`` has its column on the right."""
    ruler = ["---:" if name.endswith(":") else "---" for name in head]
    lines: list[Sequence[object]] = [[name.removesuffix(":") for name in head], ruler, *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
