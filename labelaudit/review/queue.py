"""The queue: the images a reviewer is asked about, in order, each between two labels.

An image is asked about once: copies of it under the same label share their verdict. Most orders serve the search for
errors. The estimation sample serves an honest estimate and is therefore *blind*: people who are shown a guess agree
with it more often than they would by themselves, so the page then hides score, reason, path and which of the two labels
is the given one, and the sides are shuffled by the image's content. Left out: an order that adapts to the verdicts.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np

from labelaudit import verdicts
from labelaudit.audit.document import Audit
from labelaudit.errors import RunError, unknown_name
from labelaudit.estimate import REVIEWS, ReviewPlan, estimate_record, load_plan, plan_reviews, save
from labelaudit.text import spell_path
from labelaudit.verdicts import Reviewed, tuning

Order = Literal["worst", "all", "pair", "tune", "sample", "disputes"]
ORDERS: tuple[str, ...] = get_args(Order)
"""worst: suspects, worst first · all: every image, worst first, to go on below the threshold · pair: suspects by their
pair of classes, most confused pair first · tune: some twenty images all over the ranking, blind, that set its scale ·
sample: the estimation sample, blind · disputes: images on which reviewers disagree."""
FURTHER = 5
"""Classes offered with a key of their own, beside the two candidates."""


@dataclass(frozen=True)
class Queue:
    """Rows of an audit in the order in which they are asked about."""

    order: Order
    rows: tuple[int, ...]

    @property
    def blind(self) -> bool:
        """Whether the page has to hide what the model thinks, and which label is the given one."""
        return self.order in ("sample", "tune")


@dataclass(frozen=True)
class Question:
    """One image of the queue with the two labels it is asked between. Classes are indices into `Samples.classes`."""

    row: int
    given: int
    rival: int
    """The suggested class; where the audit suggests none, the most probable class other than the given one."""
    left: int
    right: int
    """The two candidates as they are shown: given and rival, shuffled where the queue is blind."""
    further: tuple[int, ...]
    """The next most probable classes; in alphabetical order where the queue is blind."""


class Opened(NamedTuple):
    """A queue and what it was made with."""

    queue: Queue
    plan: ReviewPlan | None
    reviewed: Reviewed
    notes: tuple[str, ...]
    """Sentences about the plan for a person."""


def open_queue(audit: Audit, run: Path, order: str, only: Container[int] | None = None) -> Opened:
    """The queue of ``order`` for the RUN folder ``run``, with its plan and verdicts; with ``only`` it is these rows,
    suspects or not, worst first.

    The estimation sample is drawn and kept in ``RUN/estimate.json`` where ``order`` needs one that is not there.

    Raises:
        DataError: the verdicts cannot be read.
        OptionError: unknown order.
        RunError: there is nothing to review, or the plan that ``order`` needs cannot be read or kept.
    """
    reviewed = verdicts.read_reviewed(audit, run)
    plan, notes = None, tuple[str, ...]()
    try:
        plan = load_plan(run, audit)
    except RunError as error:
        if order == "sample":
            raise
        notes = (f"The page does not say how many wrong labels are left: {error}.",)
    if plan is None and order == "sample":
        plan = plan_reviews(audit, reviews=REVIEWS, reviewed=reviewed)
        save(run, estimate_record(audit, plan))
    queue = build_queue(audit, order if only is None else "all", plan=plan, reviewed=reviewed)
    if only is not None:
        queue = Queue("worst", _once(audit, (row for row in audit.order.tolist() if row in only)))
    if not queue.rows:
        suspects = f"the scan found no suspect; `labelaudit review {spell_path(run)} --order sample` checks that"
        why = {
            "disputes": "no reviewers disagree",
            "sample": "the sample is empty",
            "tune": "there are verdicts enough",
        }.get(order, suspects)
        raise RunError(f"nothing to review: {why}")
    return Opened(queue, plan, reviewed, notes)


def build_queue(audit: Audit, order: str, *, plan: ReviewPlan | None = None, reviewed: Reviewed | None = None) -> Queue:
    """The queue of ``order``: a ``plan`` is needed for ``sample``, verdicts (``reviewed``) for ``disputes``.

    Raises:
        OptionError: unknown order.
    """
    rows: Iterable[int]
    match order:
        case "worst":
            rows = audit.suspects.tolist()
        case "all":
            rows = audit.order.tolist()
        case "pair":
            rows = _by_pair(audit)
        case "tune":
            rows = tuning.ask(audit, reviewed or Reviewed()).tolist()
        case "sample":
            rows = plan.rows if plan else ()
        case "disputes":
            rows = sorted(reviewed.disputed if reviewed else (), key=lambda row: int(audit.rank[row]))
        case _:
            raise unknown_name("order", order, ORDERS)
    return Queue(order, _once(audit, rows))


def ask(audit: Audit, row: int, *, blind: bool = False) -> Question:
    """The question about ``row``."""
    given, predicted = int(audit.samples.labels[row]), int(audit.decision.predicted[row])
    probs = audit.decision.probs[row]
    ranked = [int(c) for c in np.argsort(-probs, kind="stable") if c != given]
    rival = predicted if predicted != given or not ranked else ranked[0]
    further = [c for c in ranked if c != rival][:FURTHER]
    left, right = given, rival
    if blind:
        further.sort()
        if int(audit.samples.digests[row][-1], 16) % 2:
            left, right = right, left
    return Question(row=row, given=given, rival=rival, left=left, right=right, further=tuple(further))


def _once(audit: Audit, rows: Iterable[int]) -> tuple[int, ...]:
    """``rows`` without those whose content and label an earlier row has."""
    digests, labels = audit.samples.digests, audit.samples.labels.tolist()
    first: dict[tuple[str, int], int] = {}
    for row in rows:
        first.setdefault((digests[row], labels[row]), row)
    return tuple(first.values())


def _by_pair(audit: Audit) -> list[int]:
    """The suspects, grouped by (given, suggested); large groups first, worst first within."""
    groups: dict[tuple[int, int], list[int]] = {}
    for row in audit.suspects.tolist():
        pair = (int(audit.samples.labels[row]), int(audit.decision.predicted[row]))
        groups.setdefault(pair, []).append(row)
    return [row for _, group in sorted(groups.items(), key=lambda entry: (-len(entry[1]), entry[0])) for row in group]
