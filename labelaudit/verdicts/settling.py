"""The rule that ends a dispute: most reviewers, one person's word, or nothing but agreement.

A rule is a line of the log like any verdict (`RULE`), so it travels with the file and holds for verdicts that come
later; the last one counts. Without one the majority decides, which for two reviewers means that they agree. Left out:
reviewers who weigh more than others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from labelaudit.errors import OptionError
from labelaudit.verdicts.verdict import RULE, Verdict, now

MAJORITY, AGREEMENT = "majority", "agreement"
_WORD = "adjudicator"


def read_rule(text: str) -> str:
    """The rule that a person wrote: ``majority``, ``agreement`` or ``adjudicator:NAME``.

    Raises:
        OptionError: it is none of these.

    >>> read_rule("adjudicator carol")
    'adjudicator:carol'
    """
    said = text.strip()
    if said in (MAJORITY, AGREEMENT):
        return said
    name = said.removeprefix(_WORD).lstrip(" :=").strip() if said.startswith(_WORD) else ""
    if name:
        return f"{_WORD}:{name}"
    raise OptionError(
        f"'{text}' settles nothing: give {MAJORITY}, {_WORD}:NAME (this person's word counts) or {AGREEMENT}"
    )


def make_rule(text: str) -> Verdict:
    """The line of a log that says from now on ``text``, as `read_rule` takes it, settles disputes."""
    return Verdict(path="(rule)", digest="*", given_label="*", verdict=RULE, new_label=read_rule(text), time=now())


def settle(opinions: Sequence[Verdict], rule: str) -> tuple[Verdict, ...]:
    """Those of ``opinions``, one per reviewer, that count by ``rule``: all of them where it decides nothing."""
    votes = Counter(verdict.right for verdict in opinions)
    if len(votes) < 2 or rule == AGREEMENT:  # one answer
        return tuple(opinions)
    if rule == MAJORITY:
        (answer, most), *_ = votes.most_common(1)
        kept = [verdict for verdict in opinions if verdict.right == answer] if 2 * most > len(opinions) else []
    else:
        kept = [verdict for verdict in opinions if verdict.reviewer == rule.removeprefix(f"{_WORD}:")]
    return tuple(kept or opinions)
