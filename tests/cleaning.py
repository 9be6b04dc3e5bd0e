"""A small dataset of real files with its audit, to clean in tests."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from audits import make_audit, make_decision, make_samples
from PIL import Image

from labelaudit.audit.document import Audit
from labelaudit.data.ingest import digest
from labelaudit.types import Finding
from labelaudit.verdicts import Verdict

IDS = ("cat/a.png", "cat/b.png", "cat/c.png", "dog/b.png", "dog/e.png", "owl/f.png")
"""``cat/b.png`` is suspected to be a dog, where there is another ``b.png``; so is ``dog/b.png`` to be a cat."""


def png(number: int) -> bytes:
    """A picture like no other."""
    file = io.BytesIO()
    Image.fromarray(np.full((4, 4, 3), number * 40 % 256, dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def make_dataset(root: Path, ids: tuple[str, ...] = IDS, **changes: Any) -> Audit:
    """Six pictures below ``root`` and their audit, with one file that is not an image."""
    for number, name in enumerate(ids):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(number))
    broken = ids[0].rpartition("/")[0] + "/broken.png"
    (root / broken).write_bytes(b"\x89PNG\r\n\x1a\n")
    digests = tuple(digest(png(number)) for number in range(len(ids)))
    samples = {"ids": ids, "digests": digests, "root": str(root), **changes.pop("samples", {})}
    decision = {"predicted": np.array([0, 1, 0, 0, 1, 2]), **changes.pop("decision", {})}
    return make_audit(
        **{
            "samples": make_samples(**samples),
            "decision": make_decision(**decision),
            "findings": (Finding(kind="truncated", path=broken, detail="The file ends early."),),
            "settings": {"source": {"data": str(root), "labels": None, "path_column": None, "label_column": None}},
            **changes,
        }
    )


def said(audit: Audit, row: int, verdict: str, new_label: str = "", reviewer: str = "ann") -> Verdict:
    """A verdict on a sample of ``audit``."""
    content, label = audit.identity(row)
    return Verdict(
        path=audit.samples.ids[row],
        digest=content,
        given_label=label,
        verdict=verdict,
        new_label=new_label,
        reviewer=reviewer,
        time="2026-11-21T06:30:00Z",
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder``, reports left out, by its path."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.name.startswith("clean-report")
    }
