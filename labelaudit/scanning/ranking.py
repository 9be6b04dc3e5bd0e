"""Ranks samples by one column of the evidence instead of the pooled models, and names the models that moved those.

The pooled ranking (``ensemble``) is that of `labelaudit.judge.belief`. Ranked by a column, the suspicion becomes the
share of samples that the column finds less suspicious, within .9, and as many samples are flagged as the noise model
expects wrong labels: a column has no threshold of its own. Sure are those at the top of the list, down to the first one
that is not sure by all models pooled. Probabilities, suggested labels, noise rate and matrix stay the noise model's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from labelaudit.errors import unknown_name
from labelaudit.judge.decide import SURE
from labelaudit.judge.noise_model import UNKNOWN
from labelaudit.judge.scores import strongest_other
from labelaudit.scanning.settings import ENSEMBLE
from labelaudit.types import Decision, Evidence, Floats, Ints

STEPS = "steps_off"
"""Column of a scan with ``ordinal``: how far off a label may be, where classes are grades."""
_REFERENCES = ("cross_entropy", "neighbors", "given")
_TOLD = 0.02  # share of the weights from which a model is named


def check_rank_by(name: str, methods: Sequence[str], *, ordinal: bool = False) -> None:
    """Raise `OptionError`, with the nearest name, unless a scan by ``methods`` can be ranked by ``name``."""
    if name == ENSEMBLE:
        return
    from labelaudit.methods import get_method

    shown = [column for method in methods for column in get_method(method).shows]
    known = (ENSEMBLE, *methods, *shown, *_REFERENCES, *([STEPS] if ordinal else []))
    if name not in known:
        raise unknown_name("column to rank by", name, known)


def rank_by(name: str, decision: Decision, evidence: Mapping[str, Evidence], labels: Ints, known: Ints) -> Decision:
    """The ``decision`` ranked and flagged by the column ``name``, given labels (n,); what people ``known`` stays.

    Equal values are told apart by the noise model's suspicion. Raises `OptionError` for a column that is not there.
    """
    if name == ENSEMBLE:
        return decision
    column = suspicious_end(name, evidence)
    order = np.lexsort((decision.suspicion, column))
    suspicion = np.empty(len(order))
    suspicion[order] = (np.arange(len(order)) + 0.5) / len(order)
    told = known != UNKNOWN
    suspicion[told] = decision.suspicion[told]
    open_ = np.flatnonzero(decision.judged & ~told)
    count = round(float(decision.noise_rate) * len(open_))
    chosen = open_[np.argsort(-suspicion[open_], kind="stable")[:count]]
    flagged = decision.is_issue & told
    flagged[chosen] = True
    doubtful = ~decision.is_sure[chosen]
    sure = chosen[: int(doubtful.argmax())] if doubtful.any() else chosen
    suspicion[~told] *= SURE
    suspicion[sure] = SURE + (1 - SURE) * suspicion[sure]
    agreed = decision.predicted == labels
    predicted = np.where(flagged & agreed, strongest_other(labels, decision.probs), decision.predicted)
    predicted = np.where(flagged | told, predicted, decision.probs.argmax(1))
    why = f"among the {count:,} most suspicious by {name}"
    before = decision.is_issue & ~told
    reasons = [
        (reason or why) if flag else ("" if was else reason)
        for reason, flag, was in zip(decision.reasons, flagged, before, strict=True)
    ]
    return replace(
        decision,
        suspicion=suspicion,
        is_issue=flagged,
        predicted=predicted,
        threshold=float(suspicion[chosen].min()) if len(chosen) else 1.0,
        sure_threshold=SURE,
        reasons=tuple(reasons),
        recipe={
            **decision.recipe,
            "ranked_by": name,
            "threshold_rule": f"as many as the noise model expects wrong labels, the most suspicious by {name}",
        },
    )


def suspicious_end(name: str, evidence: Mapping[str, Evidence]) -> Floats:
    """(n,) ranks of a column in (0, 1), high = suspicious: of a method's suspicion, or of a column that it shows."""
    from labelaudit.methods import ranks

    shown = {column: one for one in evidence.values() for column in one.tables.get("shown", {})}
    if name in shown:
        values = np.asarray(shown[name].columns[name], dtype=np.float64)
        return ranks(values if shown[name].tables["shown"][name]["worse"] == "high" else -values)
    if name not in evidence:
        raise unknown_name("column to rank by", name, (ENSEMBLE, *evidence, *shown))
    return ranks(evidence[name].suspicion)


def explain(decision: Decision) -> list[str]:
    """Sentences on the models that moved the pooled ranking, and on the column that ranks instead."""
    found = [weigh(decision.recipe["pool_weights"])]
    if by := decision.recipe.get("ranked_by"):
        flagged = int(decision.is_issue.sum())
        found.append(f"Ranked by {by} instead: the {flagged:,} most suspicious are the suspects.")
    return found


def weigh(weights: Mapping[str, float]) -> str:
    """A sentence that names the models that moved the pooled ranking, and by how much.

    >>> weigh({"limit": 0.6, "neighbors": 0.2, "sln": 0.0})
    'The ranking rests on limit (75%) and neighbors (25%), by how well each predicts the given labels; not on sln.'
    """
    total = sum(weights.values())
    if total <= 0:
        return "The ranking rests on no model: none predicts the given labels."
    shares = sorted(((weight / total, name) for name, weight in weights.items()), key=lambda one: (-one[0], one[1]))
    named = [f"{name.replace('_', ' ')} ({share:.0%})" for share, name in shares if share >= _TOLD]
    idle = [name.replace("_", " ") for share, name in shares if share < _TOLD]
    text = " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
    without = f"; not on {', '.join(idle)}" if idle else ""
    return f"The ranking rests on {text}, by how well each predicts the given labels{without}."
