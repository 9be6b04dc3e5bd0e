"""A baseline of the small audit of the tests."""

from __future__ import annotations

from datetime import date
from typing import Any

from audits import make_audit

from labelaudit.check import refresh_baseline
from labelaudit.check.baseline import (
    Baseline,
)
from labelaudit.check.policy import Policy

DAY = date(2026, 11, 21)


IDENTITY = [f"{i:032x}" for i in range(6)]


def refresh(old: Baseline | None = None, policy: Policy | None = None, **changes: Any) -> Baseline:
    return refresh_baseline(make_audit(**changes), policy or Policy(), old, today=DAY)
