"""The table format: plain text for terminals and CI logs; the verdict comes last, where a log is read first.

No line starts with text from the data: a file name cannot pose as a command to the system that reads the log. Left
out: colour, which is the command line's, and everything beyond the worst of the open suspects, which is counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from labelaudit.check import wording
from labelaudit.check.outcome import Outcome
from labelaudit.text import name_subject, printable

ENDING = ".txt"

_RULES, _SUSPECTS, _FINDINGS, _NOTES = 50, 20, 10, 10
"""Rows shown of each."""


def render(outcome: Outcome) -> str:
    """The outcome as plain text."""
    rules = (*outcome.broken, *(rule for rule in outcome.rules if rule.passed))
    suspects, findings = wording.open_suspects(outcome)[:_SUSPECTS], wording.open_findings(outcome)[:_FINDINGS]
    lines = ["labelaudit check: " + wording.about(outcome), wording.noise(outcome)]
    lines += _section("Rules:", [(wording.standing(rule), rule.name, rule.message) for rule in rules], _RULES)
    lines += _section(
        wording.suspects(outcome),
        [
            (s.status, s.chance if s.chance != s.status else "", wording.relabel(s), s.path, wording.why(s))
            for s in suspects
        ],
    )
    lines += _section(
        wording.findings(outcome), [(p.status, p.kind, name_subject(p.path), wording.why(p)) for p in findings]
    )
    left_out = wording.rest(outcome, (*suspects, *findings))
    lines += ["", left_out] if left_out else []
    lines += ["", *wording.baseline(outcome)] if outcome.baseline else []
    lines += _section("Notes:", [(line,) for line in outcome.notes], _NOTES)
    lines += _section("Next:", [(line,) for line in wording.advice(outcome)])
    lines += ["", wording.verdict(outcome)]
    return "\n".join(printable(line).rstrip() for line in lines) + "\n"


def _section(title: str, rows: Sequence[tuple[str, ...]], most: int = 50) -> list[str]:
    """Aligned rows under a title: at most ``most``, and how many more there are. A section of nothing is its title,
    where that counts something."""
    if not rows and title.endswith(":"):
        return []
    shown = [tuple(printable(cell) for cell in row) for row in rows[:most]]
    widths = [min(40, max(map(len, column))) for column in zip(*shown, strict=True)]
    lines = ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in shown]
    more = [f"  and {len(rows) - most:,} more"] if len(rows) > most else []
    return ["", title, *lines, *more]
