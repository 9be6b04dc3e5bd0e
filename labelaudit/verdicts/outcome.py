"""The state of reviewed samples, in one word and in a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from labelaudit.audit.document import Audit
from labelaudit.verdicts.matching import Reviewed
from labelaudit.verdicts.verdict import Verdict

OUTCOMES = ("open", "wrong", "cleared", "unclear")
"""open: nobody has judged it · wrong: people confirmed that the label is wrong · cleared: they found it correct ·
unclear: they disagree, or could not tell."""


def list_outcomes(reviewed: Reviewed) -> tuple[dict[int, str], dict[int, str]]:
    """Row -> one of `OUTCOMES`, and row -> a sentence without a full stop; what nobody has looked at is in neither."""
    kinds = dict.fromkeys((*reviewed.disputed, *reviewed.skipped), "unclear")
    words = dict.fromkeys(reviewed.disputed, "reviewers disagree")
    words |= dict.fromkeys(reviewed.skipped, "nobody could tell")
    for row, verdict in reviewed.settled.items():
        kinds[row] = "wrong" if verdict.wrong else "cleared"
        words[row] = describe(verdict)
    return kinds, words


def count_outcomes(audit: Audit, kinds: Mapping[int, str]) -> dict[str, int]:
    """Suspects of each of `OUTCOMES`, by the ``kinds`` of `list_outcomes`, and ``elsewhere``: wrong labels that people
    found among the samples that the scan had not flagged."""
    suspects = Counter(kinds.get(row, "open") for row in audit.suspects.tolist())
    elsewhere = Counter(kinds.values())["wrong"] - suspects["wrong"]
    return {**{name: suspects[name] for name in OUTCOMES}, "elsewhere": elsewhere}


def describe(verdict: Verdict) -> str:
    """A verdict that says which label is correct, in words, with its reviewer's note.

    >>> describe(Verdict(path="a.png", digest="00", given_label="cat", verdict="none", note="a drawing"))
    'confirmed wrong: no class fits (a drawing)'
    """
    if not verdict.wrong:
        said = f"cleared: “{verdict.given_label}” is correct"
    else:
        said = f"confirmed wrong: {f'“{verdict.new_label}” is correct' if verdict.new_label else 'no class fits'}"
    return f"{said} ({verdict.note})" if verdict.note else said
