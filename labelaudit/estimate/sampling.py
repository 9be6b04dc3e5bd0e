"""Plans a review sample, so that what is learned from it holds for the whole dataset.

A stratified random sample by suspicion. Strata end where the expected spread is shared out evenly, and the sample is
shared among them as Neyman (1934) has it, for precision, recall and noise rate together. The spread comes from the
model's suspicion, tempered by a square root and never below two percent, because a model that reads human noise is too
sure of itself (measured: the share of wrong labels goes about as the square root of the suspicion). A wrong guess costs
width, never validity: the strata are drawn from at random, whatever the model thinks.

Every sample has a permanent random number made from seed, digest and given label (Ohlsson 1995, "Coordination of
samples using permanent random numbers"); the sample of a stratum is its lowest numbers. So a larger plan contains the
smaller one, renaming and re-scanning change nothing, and the queue can be left at any point: what was reviewed so far
is itself a stratified random sample. Left out: samples clustered by image, which reviewers do not see as one question.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.audit.document import Audit
from labelaudit.errors import OptionError
from labelaudit.types import Bools, Floats, Ints
from labelaudit.verdicts import Reviewed

REVIEWS = 200
"""Samples in a plan unless said otherwise: about twenty minutes of a person's time."""
_PER_STRATUM, _MOST = 16, 8
"""Reviews that a stratum should get, and strata of the flagged or the unflagged at most."""
_FLOOR = 0.02
"""Least expected share of wrong labels: misses live in the bulk, and what is believed clean is never looked at."""
_LEAST, _GREATEST = 0.25, 0.6
"""The flagged get at least and at most this share of the reviews."""
_SALT = 64
"""Digits of a seed that count: the longest key of the hash."""
_PROBE = 64
"""Draws whose place is compared to see whether rows have moved."""
UNPLANNED = 255
"""Stratum of a sample that was not there, or was already reviewed worst-first, when the plan was made."""


@dataclass(frozen=True, kw_only=True)
class Stratum:
    """Some of the dataset, from which reviews are drawn at random."""

    flagged: bool
    """Whether its samples were flagged when the plan was made."""
    low: float
    """Least suspicion in it."""
    high: float
    """Greatest suspicion in it."""
    size: int
    """Samples in it when the plan was made."""
    drawn: int
    """Samples of it in the plan; the inclusion probability is drawn / size."""

    def record(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {"flagged": self.flagged, "suspicion": [self.low, self.high], "size": self.size, "drawn": self.drawn}


@dataclass(frozen=True, kw_only=True, eq=False)
class ReviewPlan:
    """A review sample with known inclusion probabilities, aligned with the audit it was made or loaded for."""

    rows: tuple[int, ...]
    """Rows of the audit's samples, in review order; any first part is a stratified sample too."""
    strata: tuple[Stratum, ...]
    """Worst first."""
    stratum_of: npt.NDArray[np.uint8]
    """(n,) index into `strata`; `UNPLANNED` where there is none."""
    numbers: npt.NDArray[np.uint64]
    """(n,) the permanent random number of each sample."""
    seed: int
    fingerprint: str
    """Fingerprint of the dataset that `stratum_of` was aligned with."""
    gone: int = 0
    """Samples of the plan that the dataset no longer has."""

    @property
    def probabilities(self) -> Floats:
        """(len(rows),) inclusion probability of each row."""
        share = np.array([stratum.drawn / max(stratum.size, 1) for stratum in self.strata])
        return np.asarray(share[self.stratum_of[list(self.rows)]])

    @property
    def drawable(self) -> int:
        """Samples that the plan can grow to: all but those reviewed worst-first before they were planned."""
        return int((self.stratum_of != UNPLANNED).sum())

    def __repr__(self) -> str:
        return f"<Plan of {len(self.rows)} reviews in {len(self.strata)} strata, seed {self.seed}>"


def plan_reviews(
    audit: Audit,
    *,
    reviews: int = REVIEWS,
    seed: int = 0,
    reviewed: Reviewed | None = None,
    plan: ReviewPlan | None = None,
) -> ReviewPlan:
    """Draw the review sample, or extend ``plan`` to ``reviews`` samples.

    Args:
        audit: what was scanned.
        reviews: size of the plan, at least 10; a smaller dataset is reviewed whole. An existing plan never shrinks.
        seed: same audit and seed, same plan. An existing plan keeps its own.
        reviewed: verdicts so far. A worst-first run over the list is not asked again: it counts as it is.
        plan: an earlier plan. Its strata and draws stay; samples that are new to the dataset get strata of their own.

    Raises:
        OptionError: ``reviews`` is below 10.
    """
    if reviews < 10:
        raise OptionError(f"a review of {reviews} images says nothing: plan at least 10")
    numbers = permanent_numbers(audit, plan.seed if plan else seed)
    suspicion, flagged = audit.blind
    if plan is None:
        stratum_of = np.full(len(audit.samples), UNPLANNED, dtype=np.uint8)
        strata: list[Stratum] = []
    else:
        plan = align_plan(plan, audit)
        stratum_of, strata = plan.stratum_of.copy(), list(plan.strata)
    known = np.zeros(len(audit.samples), dtype=np.bool_)
    if reviewed is not None:
        known[audit.blind_order[: reviewed_from_top(audit, reviewed)]] = True
    share = allocate(suspicion, flagged, reviews)
    open_rows = ~known & (stratum_of == UNPLANNED)
    for domain in (True, False):
        rows = np.flatnonzero(open_rows & (flagged == domain))
        for part in stratify(suspicion, rows, share[domain] if plan is None else _PER_STRATUM):
            if len(strata) >= UNPLANNED:
                break
            stratum_of[part] = len(strata)
            low, high = float(suspicion[part].min()), float(suspicion[part].max())
            strata.append(Stratum(flagged=domain, low=low, high=high, size=len(part), drawn=0))
    wanted = _draws(strata, stratum_of, suspicion, share, [stratum.drawn for stratum in strata])
    old = plan.rows if plan else ()
    numbered = np.where(known, np.uint64(2**64 - 1), numbers)  # what is known already is drawn last,
    numbered[list(old)] = 0  # but what was drawn stays drawn
    kept = set(old)
    rows_in_order = (*old, *(row for row in _queue_up(stratum_of, numbered, wanted) if row not in kept))
    drawn = np.bincount(stratum_of[list(rows_in_order)], minlength=256).tolist()
    return ReviewPlan(
        rows=rows_in_order,
        strata=tuple(replace(s, size=int((stratum_of == i).sum()), drawn=drawn[i]) for i, s in enumerate(strata)),
        stratum_of=stratum_of,
        numbers=numbers,
        seed=plan.seed if plan else seed,
        fingerprint=audit.fingerprint,
        gone=plan.gone if plan else 0,
    )


def _queue_up(stratum_of: npt.NDArray[np.uint8], numbers: npt.NDArray[np.uint64], wanted: list[int]) -> list[int]:
    """The rows with the lowest ``numbers`` (n,) of each stratum, as many as are ``wanted`` of it, in review order: each
    stratum is spread evenly over the queue, so that any first part of it is a stratified sample."""
    queue: list[tuple[float, int, int]] = []
    for index, count in enumerate(wanted):
        rows = np.flatnonzero(stratum_of == index)
        order = rows[np.lexsort((rows, numbers[rows]))][:count]
        queue += [((place + 0.5) / count, index, int(row)) for place, row in enumerate(order)]
    return [row for *_, row in sorted(queue)]


def expected_share(suspicion: Floats) -> Floats:
    """(n,) what the design takes for the chance of a wrong label: the tempered suspicion."""
    return np.asarray(np.clip(np.sqrt(suspicion), _FLOOR, 1 - _FLOOR))


def spread(suspicion: Floats) -> Floats:
    """(n,) standard deviation of a sample's being wrong, as the design expects it."""
    chance = expected_share(suspicion)
    return np.asarray(np.sqrt(chance * (1 - chance)))


def allocate(suspicion: Floats, flagged: Bools, reviews: int) -> Mapping[bool, int]:
    """Reviews for the flagged (True) and the unflagged (False): Neyman's for the sum of three variances.

    Precision A/F depends on the flagged only; recall A/(A+B) and noise rate (A+B)/n on both. A domain's weight is the
    sum of the squared derivatives of the three by its number of wrong labels.
    """
    n, flags = len(suspicion), int(flagged.sum())
    chance, deviation = expected_share(suspicion), spread(suspicion)
    a, b = float(chance[flagged].sum()), float(chance[~flagged].sum())
    total = max(a + b, 1e-9)
    inside = 1 / max(flags, 1) ** 2 + (b / total**2) ** 2 + 1 / max(n, 1) ** 2
    outside = (a / total**2) ** 2 + 1 / max(n, 1) ** 2
    pull = float(deviation[flagged].sum()) * inside**0.5
    part = pull / max(pull + float(deviation[~flagged].sum()) * outside**0.5, 1e-12)
    wanted = round(min(max(part, _LEAST), _GREATEST) * reviews)
    mine = max(min(wanted, flags), reviews - (n - flags))
    return {True: min(mine, flags), False: min(reviews - min(mine, flags), n - flags)}


def stratify(suspicion: Floats, rows: Ints, reviews: int) -> list[npt.NDArray[np.int64]]:
    """``rows`` cut by suspicion into strata of equal summed spread (Ekman 1959), worst first.

    Samples of equal suspicion may lie on both sides of a cut; which ones is fixed by their row.
    """
    if not len(rows):
        return []
    ordered = rows[np.argsort(-suspicion[rows], kind="stable")]
    count = max(1, min(_MOST, reviews // _PER_STRATUM, len(rows)))
    total = np.cumsum(spread(suspicion[ordered]))
    place = np.minimum((total / total[-1] * count - 1e-9).astype(np.int64), count - 1)
    return [part for k in range(count) if len(part := ordered[place == k])]


def _draws(
    strata: list[Stratum],
    stratum_of: npt.NDArray[np.uint8],
    suspicion: Floats,
    share: Mapping[bool, int],
    least: list[int],
) -> list[int]:
    """Number of draws from each stratum: in proportion to its summed spread, at least what it has, at most all."""
    sizes = np.bincount(stratum_of, minlength=256)[: len(strata)]
    weight = np.bincount(stratum_of, weights=spread(suspicion), minlength=256)[: len(strata)]
    drawn = np.minimum(np.array(least, dtype=np.int64), sizes)
    for domain in (True, False):
        mine = np.array([stratum.flagged == domain for stratum in strata], dtype=np.bool_)
        wanted = share[domain]
        while (rest := wanted - int(drawn[mine].sum())) > 0 and (open_ := mine & (drawn < sizes)).any():
            if (drawn[open_] == 0).any():  # nobody is left out before anybody gets a second
                drawn[np.flatnonzero(open_ & (drawn == 0))[:rest]] = 1
                continue
            ideal = weight / max(float(weight[mine].sum()), 1e-12) * wanted
            need = np.where(open_, ideal - drawn, -np.inf)
            drawn[int(need.argmax())] += 1
    return [int(count) for count in drawn]


def permanent_numbers(audit: Audit, seed: int, rows: Ints | None = None) -> npt.NDArray[np.uint64]:
    """(n,) a uniform 64-bit number of each sample's identity (digest, given label) and ``seed``; or of some rows."""
    salt = str(seed).encode()[-_SALT:]
    pick = range(len(audit.samples)) if rows is None else rows.tolist()
    parts = [
        hashlib.blake2b(f"{digest}\0{label}".encode("utf-8", "surrogateescape"), digest_size=8, key=salt).digest()
        for digest, label in map(audit.identity, pick)
    ]
    return np.frombuffer(b"".join(parts), dtype=">u8").astype(np.uint64)


def align_plan(plan: ReviewPlan, audit: Audit) -> ReviewPlan:
    """``plan`` for the rows of ``audit``, which may be a later scan of a dataset that has changed.

    Samples keep their stratum by identity. Those that are gone leave the plan, and what is left of a stratum's sample
    is a random sample of what is left of the stratum; those that are new have no stratum until the plan is extended.
    """
    if plan.fingerprint == audit.fingerprint and len(plan.numbers) == len(audit.samples):
        some = np.array(plan.rows[:_PROBE], dtype=np.int64)  # same content: do the rows stand where they stood?
        if np.array_equal(permanent_numbers(audit, plan.seed, some), plan.numbers[some]):
            return plan
    numbers = permanent_numbers(audit, plan.seed)
    order = np.argsort(plan.numbers, kind="stable")
    known = plan.numbers[order]
    place = np.minimum(np.searchsorted(known, numbers), max(len(known) - 1, 0))
    found = known[place] == numbers if len(known) else np.zeros(len(numbers), dtype=np.bool_)
    stratum_of = np.where(found, plan.stratum_of[order[place]], UNPLANNED).astype(np.uint8)
    row_of: dict[int, list[int]] = {}
    for row, number in enumerate(numbers.tolist()):
        row_of.setdefault(number, []).append(row)
    rows = [row_of[number].pop(0) for number in plan.numbers[list(plan.rows)].tolist() if row_of.get(number)]
    drawn = np.bincount(stratum_of[rows], minlength=256)
    sizes = np.bincount(stratum_of, minlength=256)
    return replace(
        plan,
        rows=tuple(rows),
        strata=tuple(replace(s, size=int(sizes[i]), drawn=int(drawn[i])) for i, s in enumerate(plan.strata)),
        stratum_of=stratum_of,
        numbers=numbers,
        fingerprint=audit.fingerprint,
        gone=plan.gone + len(plan.rows) - len(rows),
    )


def reviewed_from_top(audit: Audit, reviewed: Reviewed) -> int:
    """Number of rows at the top of the order that were seen without a gap."""
    seen = reviewed.seen(len(audit.samples))[audit.blind_order]
    return len(seen) if seen.all() else int(seen.argmin())


def plan_record(plan: ReviewPlan, audit: Audit) -> dict[str, Any]:
    """The plan as JSON: who is to be reviewed, in which order, with which probability."""
    probabilities = plan.probabilities.tolist()
    return {
        "reviews": [
            {
                "row": row,
                "path": claim.path,
                "digest": claim.digest,
                "given_label": claim.label,
                "stratum": int(plan.stratum_of[row]),
                "probability": probability,
            }
            for row, probability in zip(plan.rows, probabilities, strict=True)
            for claim in [audit.samples.claim(row)]
        ],
        "strata": [stratum.record() for stratum in plan.strata],
        "seed": plan.seed,
        "fingerprint": plan.fingerprint,
        "gone": plan.gone,
    }
