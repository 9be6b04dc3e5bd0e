"""Estimates how good a scan is, from a small review: intervals, flags at a stated rate, and when to stop.

`sampling` plans whom to review, `intervals` tells what the review says about the flags and the dataset, `fdr` chooses
flags at a stated false-discovery rate, `stopping` tells when a reviewer may stop, `selftest` finds a ceiling for
recall, `price` the cost of relabelling; `estimate_file` is RUN/estimate.json. Left out: guarantees without any review;
there are none.
"""

from labelaudit.estimate.estimate_file import estimate_record, load_plan, load_target, save
from labelaudit.estimate.fdr import FdrFlags, fdr_flags
from labelaudit.estimate.intervals import Estimate, Quantity, estimate
from labelaudit.estimate.sampling import REVIEWS, UNPLANNED, ReviewPlan, plan_reviews
from labelaudit.estimate.selftest import SelfTest, selftest
from labelaudit.estimate.stopping import StopDecision, stop_rule

__all__ = [
    "REVIEWS",
    "UNPLANNED",
    "Estimate",
    "FdrFlags",
    "Quantity",
    "ReviewPlan",
    "SelfTest",
    "StopDecision",
    "estimate",
    "estimate_record",
    "fdr_flags",
    "load_plan",
    "load_target",
    "plan_reviews",
    "save",
    "selftest",
    "stop_rule",
]
