"""Small datasets and finished records for the tests of `labelaudit bench`."""

from __future__ import annotations

from typing import Any

from labelaudit.bench import Preset, Run
from labelaudit.bench import runs as record
from labelaudit.bench.preset import Arm


def made(preset: Preset, arm: Arm, seed: int, values: dict[str, float | None], **changed: Any) -> Run:
    """A run that nobody made."""
    about: dict[str, Any] = {
        "preset": preset.name,
        "arm": arm.name,
        "seed": seed,
        "device": "cpu",
        "epochs": arm.epochs,
        "samples": preset.setting.samples,
        "cut": None,
        "whole": True,
        "definition": record.definition_of(preset, arm),
        "data": "d",
        "values": values,
        "noise": 0.5,
        "seconds": 10.0,
        "core_seconds": 8.0,
        "busy": 0.1,
        "machine": "one core",
        "versions": {"torch": "2.0"},
        "date": "2026-11-21",
    }
    return Run(**{**about, **changed})
