"""The github format: annotations for GitHub Actions.

GitHub shows ten errors, ten warnings and ten notices of a step and drops the rest without a word, so there is one
error for each of the worst ten broken rules (the tenth stands for all others), one warning for each of the worst ten
suspects or findings that break one (of all that are open, where none does), and one notice with the verdict, the
counts, the notes, and where the rest is. Every line is a command, so that no text from the data can be one. Left out:
the table for the summary page of the step, which is `labelaudit.check.formats.markdown.step_summary`.
"""

from __future__ import annotations

from labelaudit.check import wording
from labelaudit.check.outcome import CheckedFinding, Outcome, Suspect
from labelaudit.text import count, name_some, name_subject, printable

_MOST = 10
"""Annotations of one kind that GitHub shows for a step."""


def render(outcome: Outcome) -> str:
    """Workflow commands, one a line."""
    broken = outcome.broken
    single = broken if len(broken) <= _MOST else broken[: _MOST - 1]
    lines = [_command("error", rule.message, title=f"labelaudit {rule.name}") for rule in single]
    if len(broken) > len(single):
        others = [rule.name for rule in broken[len(single) :]]
        said = f"{count(len(others), 'more rule')} broken: {name_some(others, 20)}"
        lines.append(_command("error", said, title="labelaudit"))
    worst = _worst(outcome)
    for entry in worst:
        said = f"{wording.relabel(entry)}, {entry.chance}: " if isinstance(entry, Suspect) else ""
        kind = "suspect" if isinstance(entry, Suspect) else entry.kind
        lines.append(
            _command(
                "warning",
                f"{name_subject(entry.path)}: {said}{wording.why(entry)}",
                file=wording.file_of(outcome, entry.path),
                title=f"labelaudit {entry.status} {kind}",
            )
        )
    parts = [
        say(outcome) for say in (wording.verdict, wording.about, wording.noise, wording.suspects, wording.findings)
    ]
    further = (wording.rest(outcome, worst), *wording.baseline(outcome), *outcome.notes[:_MOST])
    if len(outcome.notes) > _MOST:
        further = (*further, f"and {count(len(outcome.notes) - _MOST, 'more note')}")
    lines.append(_command("notice", *parts, *filter(None, further), title="labelaudit check"))
    return "\n".join(lines) + "\n"


def _worst(outcome: Outcome) -> tuple[Suspect | CheckedFinding, ...]:
    """Ten that break a rule, or are open where none does: half findings, half suspects, where there are enough."""
    findings, suspects = wording.open_findings(outcome), wording.open_suspects(outcome)
    groups = wording.by_class(suspects)
    about = {entry for rule in outcome.broken for entry in wording.concerns(rule, outcome, groups)}
    if breaking := {entry for entry in about if entry.status == "new"}:
        findings = tuple(finding for finding in findings if finding in breaking)
        suspects = tuple(suspect for suspect in suspects if suspect in breaking)
    first = findings[: max(_MOST // 2, _MOST - len(suspects))]
    return (*first, *suspects[: _MOST - len(first)])


def _command(kind: str, *lines: str, **properties: str) -> str:
    """``::kind key=value,…::message``, escaped as the runner unescapes it."""
    said = "%0A".join(_data(line) for line in lines)
    given = ",".join(
        f"{name}={_data(value).replace(':', '%3A').replace(',', '%2C')}" for name, value in properties.items()
    )
    return f"::{kind} {given}::{said}"


def _data(text: str) -> str:
    return printable(text).replace("%", "%25")
