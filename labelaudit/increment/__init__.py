"""After the scan: new images judged by what an audit knows, and audits kept up to date as a dataset changes."""

from labelaudit.increment.saved import current
from labelaudit.increment.scoring import score, score_samples
from labelaudit.increment.updating import MOST_CHANGED, update

__all__ = ["MOST_CHANGED", "current", "score", "score_samples", "update"]
