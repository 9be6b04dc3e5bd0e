"""A review session without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import labelaudit
from labelaudit.audit.originals import open_originals
from labelaudit.review.session import Session, open_session


def open_run(run: Path, **options: Any) -> Session:
    audit = labelaudit.read_audit(run)
    return open_session(audit, open_originals(audit), run, **{"reviewer": "ann", **options})


ZOO = [f"{('cat', 'dog', 'owl')[i % 3]}/{i}.png" for i in range(60)]
