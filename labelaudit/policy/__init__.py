"""What a team demands of its labels, from a policy file, the environment and the command line.

`terms` are what a policy can say, `settings` how each of them is written and where its value came from, `file` where
it is kept.
"""

from labelaudit.policy.file import FILES, find_policy, read_policy
from labelaudit.policy.settings import SETTINGS, Setting, Settled, settle
from labelaudit.policy.terms import TOLERANCE, Ignore, Policy, ScopedRule, Where, matches_glob

__all__ = [
    "FILES",
    "SETTINGS",
    "TOLERANCE",
    "Ignore",
    "Policy",
    "ScopedRule",
    "Setting",
    "Settled",
    "Where",
    "find_policy",
    "matches_glob",
    "read_policy",
    "settle",
]
