"""Audits with known truth, and people who know it, to test `labelaudit.estimate` with."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from labelaudit.audit.document import Audit
from labelaudit.types import Bools, Decision, Evidence, Samples
from labelaudit.verdicts import Reviewed, Verdict


def make_survey(
    n: int = 2000,
    rate: float = 0.1,
    *,
    hidden: float = 0.3,
    seed: int = 0,
    suspicion: npt.NDArray[np.float64] | None = None,
) -> tuple[Audit, Bools]:
    """An audit of two classes whose ranking misses some errors, and which labels (n,) are wrong."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(n) < rate
    if suspicion is None:
        seen = wrong & (rng.random(n) > hidden)
        suspicion = np.where(seen, rng.beta(3, 2, n), rng.beta(0.1, 3, n))
    labels = np.arange(n) % 2
    true = np.where(wrong, 1 - labels, labels)
    probs = np.empty((n, 2), dtype=np.float32)
    probs[np.arange(n), labels] = 1 - suspicion
    probs[np.arange(n), 1 - labels] = suspicion
    clear = 1 - 0.3 * rng.beta(0.3, 3, (n, 1))
    blind = np.where(np.arange(2) == true[:, None], clear, 1 - clear).astype(np.float32)
    samples = Samples(
        ids=tuple(f"{i:05d}.png" for i in range(n)),
        labels=labels,
        classes=("cat", "dog"),
        digests=tuple(f"{i:032x}" for i in range(n)),
    )
    flagged = suspicion >= 0.2
    decision = Decision(
        suspicion=suspicion,
        is_issue=flagged,
        judged=np.ones(n, dtype=np.bool_),
        probs=probs,
        predicted=probs.argmax(axis=1),
        threshold=0.2,
        noise_rate=float(suspicion.mean()),
        noise_interval=(0.0, 1.0),
        noise_matrix=np.array([[n * 0.45, n * 0.05], [n * 0.05, n * 0.45]]),
        reasons=tuple("looks wrong" if flag else "" for flag in flagged),
        recipe={"pool_weights": {"given": 1.0}},
    )
    evidence = {"given": Evidence(method="given", suspicion=suspicion, probs=blind)}
    return Audit(samples=samples, decision=decision, evidence=evidence), wrong


def verdict_on(audit: Audit, row: int, wrong: bool) -> Verdict:
    digest, given = audit.identity(row)
    other = next(name for name in audit.samples.classes if name != given)
    said = {"verdict": "suggested", "new_label": other} if wrong else {"verdict": "given"}
    return Verdict(path=audit.samples.ids[row], digest=digest, given_label=given, **said)


def judge(audit: Audit, wrong: Bools, rows: Iterable[int], skipped: Iterable[int] = ()) -> Reviewed:
    """Somebody who knows the truth has looked at ``rows``, and could not tell on ``skipped``."""
    skips = tuple(sorted(skipped))
    settled = {row: verdict_on(audit, row, bool(wrong[row])) for row in sorted(set(rows) - set(skips))}
    return Reviewed(settled=settled, skipped=skips)
