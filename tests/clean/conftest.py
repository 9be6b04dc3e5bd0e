"""A small dataset and a plan that corrects it."""

from __future__ import annotations

from pathlib import Path

import pytest
from cleaning import make_dataset, said

from labelaudit.audit.document import Audit
from labelaudit.clean import CorrectionPlan, make_plan
from labelaudit.verdicts import match


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    return make_dataset(tmp_path / "pets")


@pytest.fixture
def plan(audit: Audit) -> CorrectionPlan:
    """cat/b.png is a dog, cat/c.png is nothing, dog/b.png is dropped."""
    verdicts = [said(audit, 1, "suggested", "dog"), said(audit, 2, "none")]
    return make_plan(audit, match(audit, verdicts), actions={"suspect": "drop"})
