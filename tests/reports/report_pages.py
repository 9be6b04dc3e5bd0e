"""Audits with pictures and the data of their pages."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from audits import make_audit, make_decision, make_samples
from pictures import Listed, jpeg, photo

from labelaudit.audit.document import Audit
from labelaudit.data.images import encode
from labelaudit.judge.memory import Memory


def pictures() -> Listed:
    return Listed([jpeg(photo(seed, 300, 200)) for seed in range(5)] + [encode(photo(5, 20, 16))])


def with_pictures(**changes: object) -> Audit:
    return make_audit(**{"samples": make_samples(images=pictures()), **changes})


def judged_audit(**changes: object) -> Audit:
    """An audit with look-alikes of every suspect; the ``changes`` are those of its samples."""
    known = make_samples(images=pictures(), **changes)
    memory = Memory.of(np.eye(6), known, make_decision(), scanned=True)
    memory = replace(memory, right=np.ones(6, dtype=bool))
    return make_audit(samples=known, judge=SimpleNamespace(memory=memory))


def data_of(text: str) -> dict[str, object]:
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, flags=re.S)
    return json.loads(block)
