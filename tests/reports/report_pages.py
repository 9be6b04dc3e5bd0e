"""Audits with pictures and the data of their pages."""

from __future__ import annotations

import json
import re

from audits import make_audit, make_samples
from pictures import Listed, jpeg, photo

from labelaudit.audit.document import Audit
from labelaudit.data.images import encode


def pictures() -> Listed:
    return Listed([jpeg(photo(seed, 300, 200)) for seed in range(5)] + [encode(photo(5, 20, 16))])


def with_pictures(**changes: object) -> Audit:
    return make_audit(**{"samples": make_samples(images=pictures()), **changes})


def data_of(text: str) -> dict[str, object]:
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, flags=re.S)
    return json.loads(block)
