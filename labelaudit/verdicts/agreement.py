"""Agreement between reviewers, corrected for chance: Cohen's kappa for two, Fleiss' for more.

Only what people said independently counts: the first verdict of each about an image, given before they could see that
they disagree. What was said later, in a dispute, is no second opinion.

Cohen 1960, "A coefficient of agreement for nominal scales"; Fleiss 1971, "Measuring nominal scale agreement among many
raters". Left out: weights for classes that are nearly the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from labelaudit.types import Identity
from labelaudit.verdicts.verdict import RULE, Verdict


def first_answers(log: Sequence[Verdict]) -> dict[Identity, dict[str, str]]:
    """Image -> reviewer -> the class that the reviewer took to be correct at first, empty for no class.

    ``skip`` is no answer, ``undo`` takes one back.
    """
    found: dict[Identity, dict[str, str]] = {}
    for verdict in log:
        if verdict.verdict == RULE:
            continue
        told = found.setdefault(verdict.identity, {})
        if verdict.verdict == "undo":
            told.pop(verdict.reviewer, None)
        elif verdict.verdict != "skip":
            told.setdefault(verdict.reviewer, verdict.new_label)
    return {identity: told for identity, told in found.items() if told}


def cohen_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Kappa of two reviewers from their answers about the same images, in [-1, 1]; None where it is not defined.

    1 is full agreement, 0 what chance gives for how often each reviewer names each class.

    >>> cohen_kappa([("cat", "cat"), ("dog", "dog"), ("cat", "dog"), ("dog", "cat")])
    0.0
    """
    n = len(pairs)
    if not n:
        return None
    first, second = Counter(one for one, _ in pairs), Counter(two for _, two in pairs)
    chance = sum(first[name] * second[name] for name in first) / n**2
    seen = sum(one == two for one, two in pairs) / n
    return None if chance == 1 else (seen - chance) / (1 - chance)


def fleiss_kappa(answers: Mapping[Identity, Mapping[str, str]]) -> float | None:
    """Kappa of any number of reviewers over the images that at least two of them judged; None where not defined.

    ``answers`` are those of `first_answers`. Images may have different numbers of reviewers: the share of agreeing
    pairs is taken image by image, and chance from how often each class is named in all.
    """
    several = [list(told.values()) for told in answers.values() if len(told) > 1]
    if not several:
        return None
    named: Counter[str] = Counter()
    agreeing = 0.0
    for told in several:
        counts = Counter(told)
        named.update(counts)
        agreeing += sum(count * (count - 1) for count in counts.values()) / (len(told) * (len(told) - 1))
    total = named.total()
    chance = sum((count / total) ** 2 for count in named.values())
    return None if chance == 1 else (agreeing / len(several) - chance) / (1 - chance)
