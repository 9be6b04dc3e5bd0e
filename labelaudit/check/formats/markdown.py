"""The markdown format: a comment for a pull request; and the summary page of a GitHub step.

Verdict first, then rules, the worst open suspects and findings, and what to do next. A comment holds 65,536 characters
on GitHub, a step summary 1 MiB: what would not fit is left out row by row and counted. No file name becomes a
link, a mention or a column. Left out: images, which a comment
could only show from a public address.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from labelaudit.check import wording
from labelaudit.check.outcome import CheckedFinding, Outcome, Rule, Suspect
from labelaudit.text import as_code, as_prose, count, name_subject

ENDING = ".md"

COMMENT = 60_000
"""UTF-8 bytes of a comment."""
STEP = 1_000_000
"""UTF-8 bytes of a step summary: GitHub refuses more than 1 MiB for everything that one step writes."""
_REST = 1_000
"""Bytes kept free for the sentences that say what the tables leave out."""
_LONGEST = 300
"""Characters of one sentence or name; a longer one loses its middle."""


def render(outcome: Outcome) -> str:
    """A comment for a pull request, at most `COMMENT` bytes."""
    return _page(outcome, room=COMMENT, rows=20)


def step_summary(outcome: Outcome, *, room: int = STEP) -> str:
    """The summary page of a GitHub step, to be appended to the file that ``$GITHUB_STEP_SUMMARY`` names.

    Args:
        outcome: what the gate found.
        room: UTF-8 bytes that the step may still write; the text is never longer, and empty if not even the
            verdict fits.
    """
    return _page(outcome, room=min(room, STEP), rows=500)


def _page(outcome: Outcome, *, room: int, rows: int) -> str:
    """The page in at most ``room`` bytes, with at most so many ``rows`` in each of its tables."""
    broken_first = (*outcome.broken, *(rule for rule in outcome.rules if rule.passed))
    findings, suspects = wording.open_findings(outcome), wording.open_suspects(outcome)
    steps = wording.advice(outcome)
    head = [
        f"### {'✅' if outcome.passed else '❌'} labelaudit check: {_prose(wording.verdict(outcome))}",
        _prose(wording.about(outcome)),
        _prose(wording.noise(outcome)),
    ]
    counted = [f"**{_prose(wording.suspects(outcome))}**", f"**{_prose(wording.findings(outcome))}**"]
    tail = [*_items(wording.baseline(outcome)), *_items(outcome.notes), *(["**Next**"] if steps else [])]
    tail += ["\n".join(f"- {step}" for step in steps)]
    left = room - _size([*head, *counted, *tail]) - _REST
    rule_table, shown_rules, left = _table("||rule|result|", map(_rule_row, broken_first), rows, left)
    suspect_table, shown_suspects, left = _table(
        "|status|likely wrong|file|given -> suggested|why|", map(_suspect_row, suspects), rows, left
    )
    finding_table, shown_findings, left = _table("|status|kind|file|why|", map(_finding_row, findings), rows, left)
    more_rules = len(outcome.rules) - shown_rules
    shown: tuple[Suspect | CheckedFinding, ...] = (*suspects[:shown_suspects], *findings[:shown_findings])
    body = [
        *head,
        rule_table,
        f"{count(more_rules, 'more rule')} not listed here." if more_rules else "",
        *(counted[0], suspect_table, counted[1], finding_table),
        _prose(wording.rest(outcome, shown)),
        *tail,
    ]
    for lines in (body, [head[0], *counted, "There is no room here for more: the json format has it all."]):
        text = "\n\n".join(part for part in lines if part) + "\n"
        if len(text.encode()) <= room:
            return text
    return ""


def _table(head: str, rows: Iterable[str], most: int, room: int) -> tuple[str, int, int]:
    """As many ``rows`` under ``head`` as ``most`` and the ``room`` in bytes allow: (text, rows shown, room left)."""
    lines = [head, "|" + "---|" * (head.count("|") - 1)]
    left = room - _size(lines)
    for row in rows:
        left -= _size([row])
        if left < 0 or len(lines) == most + 2:
            left += _size([row])
            break
        lines.append(row)
    return ("\n".join(lines), len(lines) - 2, left) if len(lines) > 2 else ("", 0, room)


def _rule_row(rule: Rule) -> str:
    sign = "❔" if rule.open else "✅" if rule.passed else "❌"
    return f"|{sign}|{_prose(rule.name)}|{_prose(rule.message)}|"


def _suspect_row(suspect: Suspect) -> str:
    suggested = as_code(suspect.suggested_label) if suspect.suggested_label else "none"
    told = f"{as_code(suspect.path)}|{as_code(suspect.given_label)} -> {suggested}|{_prose(wording.why(suspect))}"
    return f"|{suspect.status}|{suspect.chance}|{told}|"


def _finding_row(problem: CheckedFinding) -> str:
    subject = as_code(name_subject(problem.path))
    return f"|{problem.status}|{_prose(problem.kind)}|{subject}|{_prose(wording.why(problem))}|"


def _items(lines: Sequence[str]) -> list[str]:
    """A list of at most ten sentences, and how many more there are."""
    items = [f"- {_prose(line)}" for line in lines[:10]]
    more = [f"- and {len(lines) - 10:,} more"] if len(lines) > 10 else []
    return ["\n".join((*items, *more))] if items else []


def _prose(text: str) -> str:
    half = _LONGEST // 2
    return as_prose(text if len(text) <= _LONGEST else f"{text[:half]} … {text[-half:]}")


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) + 2 for line in lines)
