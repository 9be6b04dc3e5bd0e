"""``RUN/estimate.json``: the plan, and what was last estimated from it; replaced whole or not at all.

``numbers`` and ``strata`` of ``population`` are little-endian arrays in Base64, one entry per sample of the dataset as
it was when the plan was made or extended: with them a later scan finds every sample's stratum again. Left out:
verdicts, which live in verdicts.csv and nowhere else.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from labelaudit.audit.document import Audit
from labelaudit.errors import MISTAKES, RunError, reason_of
from labelaudit.estimate.fdr import FdrFlags
from labelaudit.estimate.intervals import Estimate
from labelaudit.estimate.sampling import UNPLANNED, ReviewPlan, Stratum, align_plan, plan_record
from labelaudit.estimate.selftest import SelfTest
from labelaudit.estimate.stopping import StopDecision
from labelaudit.files import not_written, read_regular, write_text
from labelaudit.machine import __version__

SCHEMA_VERSION = 1
FILE = "estimate.json"


def save(run: Path | str, record: Mapping[str, Any]) -> Path:
    """Write the `estimate_record` to ``RUN/estimate.json`` and return its path.

    Raises:
        RunError: it cannot be written; an earlier one is untouched.
    """
    place = Path(run) / FILE
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
    try:
        write_text(text + "\n", place, errors="backslashreplace")
    except OSError as error:
        raise not_written(place, place, error, "an earlier plan", folder=place.parent) from error
    return place


def estimate_record(
    audit: Audit,
    plan: ReviewPlan,
    *,
    estimate: Estimate | None = None,
    fdr: FdrFlags | None = None,
    stop: StopDecision | None = None,
    selftest: SelfTest | None = None,
) -> dict[str, Any]:
    """The content of ``estimate.json`` as JSON-able values; what was not asked for is null."""
    parts = {"estimate": estimate, "fdr": fdr, "stop": stop, "selftest": selftest}
    return {
        "schema_version": SCHEMA_VERSION,
        "labelaudit": __version__,
        "plan": plan_record(plan, audit),
        "population": {
            "numbers": base64.b64encode(plan.numbers.astype("<u8").tobytes()).decode(),
            "strata": base64.b64encode(plan.stratum_of.tobytes()).decode(),
        },
        **{name: None if part is None else part.record() for name, part in parts.items()},
    }


def load_target(run: Path | str) -> float | None:
    """The false-discovery rate that flags were last listed at, or None."""
    parts = _read(Path(run) / FILE)
    kept = parts.get("fdr") if isinstance(parts, dict) else None
    target = kept.get("target") if isinstance(kept, dict) else None
    return float(target) if isinstance(target, (int, float)) else None


def load_plan(run: Path | str, audit: Audit | None = None) -> ReviewPlan | None:
    """The plan of a RUN, or None where there is none yet.

    Args:
        run: RUN folder.
        audit: what the plan is to be aligned with. Without it, `ReviewPlan.rows` are those of the audit that the plan
            was made for, which a later scan may have left behind.

    Raises:
        RunError: the file is damaged, or a newer labelaudit wrote it.
    """
    place = Path(run) / FILE
    parts = _read(place)
    if parts is None:
        return None
    try:
        if parts["schema_version"] > SCHEMA_VERSION:
            raise RunError(f"{place} was written by a newer labelaudit: pip install -U labelaudit")
        plan = _plan(parts["plan"], parts["population"])
    except (RunError, *MISTAKES):
        raise
    except Exception as error:  # what a damaged plan raises is no closed list
        raise RunError(f"{place} is damaged ({reason_of(error)}): move it away and plan again") from error
    return plan if audit is None else align_plan(plan, audit)


def _read(place: Path) -> Any:
    try:
        return json.loads(read_regular(place))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{place} cannot be read ({reason_of(error)}): move it away and plan again") from error


def _plan(parts: dict[str, Any], population: dict[str, str]) -> ReviewPlan:
    numbers = np.frombuffer(base64.b64decode(population["numbers"], validate=True), dtype="<u8").astype(np.uint64)
    stratum_of = np.frombuffer(base64.b64decode(population["strata"], validate=True), dtype=np.uint8)
    rows = tuple(int(review["row"]) for review in parts["reviews"])
    strata = tuple(
        Stratum(
            flagged=bool(s["flagged"]), low=float(low), high=float(high), size=int(s["size"]), drawn=int(s["drawn"])
        )
        for s in parts["strata"]
        for low, high in [s["suspicion"]]
    )
    seed, n = int(parts["seed"]), len(numbers)
    fit = n == len(stratum_of) and all(0 <= row < n for row in rows) and seed >= 0
    fit &= bool((stratum_of[stratum_of != UNPLANNED] < len(strata)).all())
    if not fit or any(not 0 <= one.drawn <= one.size <= n for one in strata):
        raise ValueError("its parts do not fit each other")
    return ReviewPlan(
        rows=rows,
        strata=strata,
        stratum_of=stratum_of,
        numbers=numbers,
        seed=seed,
        fingerprint=str(parts["fingerprint"]),
        gone=int(parts["gone"]),
    )
