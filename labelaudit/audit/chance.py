"""The chance that a label is wrong, as every screen says it: ``sure``, ``doubtful``, or a percentage where it is known.

A scan's suspicion is its models' own reckoning. It ranks, but it is no frequency: models are certain of hard images
too, and labels alone do not tell these from wrong labels. So nobody is shown it as a percentage until people's verdicts
have set its scale. Files keep the number, as ``label_score``.
"""

from __future__ import annotations

import math
from typing import Literal

from labelaudit.text import likely
from labelaudit.types import TIERS, Decision

Scale = Literal["open", "outdated", "settled"]
"""open: too few verdicts to set the scale · outdated: enough, but the ranking does not know them · settled: it knows
them, whether they said more than the scan or not"""
MEASURED = "verdicts"
"""The recipe's ``scale`` where people's verdicts set that of the suspicions; ``scan`` elsewhere."""


def is_measured(decision: Decision) -> bool:
    """Whether a suspicion is a probability that verdicts bear out."""
    return decision.recipe.get("scale") == MEASURED


def what_sets(decision: Decision, verdicts: int) -> str:
    """The end of a sentence that begins "nobody knows", for a person who has given so many ``verdicts``."""
    return {
        "open": "until 20 verdicts have set the scale: `labelaudit tune RUN`",
        "outdated": "until the list is ranked anew by the verdicts: Rerank in `labelaudit review RUN`, or another scan",
        "settled": "until more verdicts set the scale: those so far say less than the scan does",
    }[scale_of(decision, verdicts)]


def is_estimated(decision: Decision) -> bool:
    """Whether there is an estimate of the share of wrong labels: some label was judged."""
    return math.isfinite(decision.noise_rate) and bool(decision.judged.any())


def where_to_stop(scale: Scale, run: str = "RUN") -> str:
    """The end of a sentence about doubtful suspects: what tells how many of them to take; ``run`` as a shell takes it.

    >>> where_to_stop("open")
    '; 20 verdicts tell where to stop: `labelaudit tune RUN`'
    """
    return {
        "open": f"; 20 verdicts tell where to stop: `labelaudit tune {run}`",
        "outdated": "; verdicts tell where to stop once the list knows them: Rerank in `labelaudit review "
        f"{run}` or scan again",
        "settled": "",
    }[scale]


def scale_of(decision: Decision, verdicts: int) -> Scale:
    """The state of the scale of a ``decision`` after so many ``verdicts``."""
    from labelaudit.judge.verdict_fit import FEWEST

    if verdicts < FEWEST:
        return "open"
    return "outdated" if is_outdated(decision, verdicts) else "settled"


def is_outdated(decision: Decision, verdicts: int) -> bool:
    """Whether people have given more ``verdicts`` than the ranking knows."""
    return verdicts > int(decision.recipe.get("reviewed") or 0)


def has_numbers(decision: Decision) -> bool:
    """Whether screens show percentages: those of verdicts, or of a RUN of a version before there were tiers."""
    return is_measured(decision) or decision.sure_threshold is None


def name_share(decision: Decision) -> str:
    """The heading of the classes' shares: wrong labels where verdicts set the scale, doubt elsewhere."""
    return "labels wrong" if has_numbers(decision) else "labels in doubt"


def say_chance(decision: Decision, row: int) -> str:
    """The chance that the label of ``row`` is wrong, as a cell below the heading "likely wrong"."""
    if has_numbers(decision):
        return likely(float(decision.suspicion[row]))
    return TIERS[decision.tiers[row]] or "no suspect"


def tell_chance(decision: Decision, row: int) -> str:
    """`say_chance` as words that stand alone: ``sure``, ``doubtful``, ``87% likely wrong``."""
    said = say_chance(decision, row)
    return f"{said} likely wrong" if said.endswith("%") else said
