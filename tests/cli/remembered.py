"""Scans that only remember how they were called, or fail as told."""

from __future__ import annotations

import sys
import types as modules
from collections.abc import Callable

import pytest

from labelaudit.audit.document import Audit

ESCAPE = "\x1b"


Scan = Callable[..., Audit]


def install(monkeypatch: pytest.MonkeyPatch, scan: Scan) -> None:
    module = modules.ModuleType("labelaudit.scanning.scan")
    module.scan = scan  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "labelaudit.scanning.scan", module)
