"""A review handed out and brought back in one line each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import labelaudit
from labelaudit.review.exchange import Export, Exported, export_queue, read_answers
from labelaudit.review.exchange.matching import Matched


def export(run: Path, file: Path, **options: Any) -> Exported:
    return export_queue(labelaudit.read_audit(run), run, Export(file, **options))


def bring(run: Path, file: Path, **options: Any) -> Matched:
    return read_answers(labelaudit.read_audit(run), file, run, **options)


def told(found: Matched) -> list[tuple[str, str, str]]:
    return [(v.path, v.verdict, v.new_label) for v in found.verdicts]
