"""Holds an audit to a policy, less what a baseline knows already. NumPy only, so that a finished RUN takes a moment.

`outcome` is the result that formats print, `baseline`, `baseline_file` and `upkeep` keep what is known already,
`check_input` says what counts, `rules` evaluates the limits of a `policy`, `target` brings the audit, `judging` puts
them together. Left out: printing.
"""

from labelaudit.check.baseline import Baseline
from labelaudit.check.check_input import Scope
from labelaudit.check.judging import judge_gate
from labelaudit.check.outcome import Outcome
from labelaudit.check.upkeep import prune_baseline, refresh_baseline

__all__ = ["Baseline", "Outcome", "Scope", "judge_gate", "prune_baseline", "refresh_baseline"]
