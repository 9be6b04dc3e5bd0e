"""The gate: audit − baseline, policy → outcome. NumPy only, so that a finished RUN is judged in a moment.

`outcome` is the result that formats print, `baseline`, `baseline_file` and `upkeep` are about what is known already,
`suspects` says what counts, `rules` what a policy's limits mean, and `judging` puts them together. Left out: printing,
and finding the policy.
"""

from labelaudit.check.baseline import Baseline
from labelaudit.check.case import Scope
from labelaudit.check.judging import judge_gate
from labelaudit.check.outcome import BaselineReport, Outcome, Problem, Rule, Stale, Suspect
from labelaudit.check.policy import TOLERANCE
from labelaudit.check.upkeep import prune_baseline, refresh_baseline

__all__ = [
    "TOLERANCE",
    "Baseline",
    "BaselineReport",
    "Outcome",
    "Problem",
    "Rule",
    "Scope",
    "Stale",
    "Suspect",
    "judge_gate",
    "prune_baseline",
    "refresh_baseline",
]
