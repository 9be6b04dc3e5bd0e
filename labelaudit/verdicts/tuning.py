"""Tunes an audit by about twenty verdicts: the samples to ask about, and the flags and noise rate that follow.

A scan ranks well and has no scale: from labels alone, doubt and error look the same. A minute or two of a person's time
tells them apart (`labelaudit.judge.verdict_fit`). Any verdict of the RUN counts, those asked for here and those of an
ordinary review. Left out: asking, which is the review page's and the terminal's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labelaudit.audit.document import Audit
from labelaudit.judge.scores import log_odds
from labelaudit.judge.verdict_fit import VIEWS, WANTED, VerdictFit, choose, fit
from labelaudit.types import Floats
from labelaudit.verdicts.matching import Reviewed


def ask(audit: Audit, reviewed: Reviewed, count: int = WANTED, *, seed: int = 0) -> npt.NDArray[np.int64]:
    """Rows of ``audit`` to ask a person about next, blind and in an order that gives nothing away.

    ``count`` is how many verdicts all over the ranking are wanted in all: those that are settled already count where
    they lie. Samples that nobody could tell, or that reviewers dispute, are passed over. Same seed and verdicts, same
    rows.
    """
    n, judged = len(audit.samples), audit.decision.judged
    passed, decided = reviewed.seen(n) | ~judged, (reviewed.answers(n) >= 0) & judged
    return choose(views(audit), count, seed=seed + len(reviewed.settled), passed=passed, decided=decided)


def tune(audit: Audit, reviewed: Reviewed) -> VerdictFit | None:
    """The scan of ``audit`` at the scale of the verdicts; ``None`` with fewer than ten."""
    return fit(views(audit), reviewed.answers(len(audit.samples)))


def views(audit: Audit) -> Sequence[Floats]:
    """Log-odds (n,) of a wrong label by each view that the RUN keeps, blind to verdicts; else by its suspicion."""
    kept = [audit.evidence[name].suspicion for name in VIEWS if name in audit.evidence]
    return [log_odds(suspicion) for suspicion in kept or [audit.blind[0]]]
