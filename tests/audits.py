"""A small audit to test the document, the reports and the command line with."""

from __future__ import annotations

from typing import Any

import numpy as np

from labelaudit.audit.document import Audit
from labelaudit.machine import Stage
from labelaudit.types import Decision, Evidence, Finding, Samples

CLASSES = ("cat", "dog", "owl")
IDS = ("cat/a.png", "cat/b.png", "cat/c.png", "dog/d.png", "dog/e.png", "owl/f.png")
LABELS = np.array([0, 0, 0, 1, 1, 2])
SUSPICION = np.array([0.1, 0.97, 0.2, 0.97, 0.3, 0.4])


def make_samples(**changes: Any) -> Samples:
    return Samples(
        **{
            "ids": IDS,
            "labels": LABELS,
            "classes": CLASSES,
            "digests": tuple(f"{i:032x}" for i in range(6)),
            "root": "pets",
            **changes,
        }
    )


def make_decision(**changes: Any) -> Decision:
    probs = np.full((6, 3), 0.05)
    predicted = np.array([0, 1, 0, 0, 1, 2])
    probs[np.arange(6), predicted] = 0.9
    return Decision(
        **{
            "suspicion": SUSPICION,
            "is_issue": SUSPICION > 0.5,
            "judged": LABELS != 2,
            "probs": probs.astype(np.float32),
            "predicted": predicted,
            "threshold": 0.5,
            "noise_rate": 0.4,
            "noise_interval": (0.2, 0.6),
            "noise_matrix": np.array([[2.0, 1.0, 0.0], [0.75, 1.25, 0.0], [0.0, 0.0, 1.0]]),
            "reasons": ("", "looks like dog", "", "looks like cat", "", ""),
            "recipe": {"weights": {"sln": 0.5, "logistic": 0.5}},
            **changes,
        }
    )


def make_audit(**changes: Any) -> Audit:
    evidence = {
        "sln": Evidence(
            method="sln",
            suspicion=SUSPICION,
            losses=np.arange(12, dtype=np.float32).reshape(2, 6),
            columns={"omega": np.arange(6)},
            tables={"fit": 0.25},
        ),
        "logistic": Evidence(method="logistic", suspicion=SUSPICION / 2, probs=np.full((6, 3), 1 / 3, np.float32)),
    }
    return Audit(
        **{
            "samples": make_samples(),
            "decision": make_decision(),
            "evidence": evidence,
            "findings": (
                Finding(kind="truncated", path="cat/z.png", detail="The file ends in the middle of the image."),
                Finding(kind="conflict", path="cat/b.png", detail="Same bytes as dog/d.png.", partner="dog/d.png"),
            ),
            "settings": {"methods": ["sln"], "train": "features"},
            "stages": (
                Stage(name="ingest", seconds=0.5, peak_bytes=100 * 2**20),
                Stage(name="train", seconds=61.2, peak_bytes=300 * 2**20),
            ),
            "notes": ("Features were chosen: they fit better than pixels.",),
            "versions": {"labelaudit": "0.1.0"},
            "seed": 3,
            **changes,
        }
    )
