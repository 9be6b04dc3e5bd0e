"""A working folder without settings from outside, and a scan that only remembers its call."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from audits import make_audit
from remembered import install

from labelaudit.audit.document import Audit


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A working folder with the datasets that the tests name, which a scan must find before it loads anything."""
    for name in ("x", "images", "l.csv"):
        (tmp_path / "here" / name).mkdir(parents=True) if "." not in name else (tmp_path / "here" / name).touch()
    monkeypatch.chdir(tmp_path / "here")
    for name in [*(name for name in os.environ if name.startswith("LABELAUDIT_")), "NO_COLOR", "FORCE_COLOR"]:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A scan that only remembers how it was called."""
    made: list[dict[str, Any]] = []

    def remember(data: object, **options: Any) -> Audit:
        made.append({"data": data, **options})
        options["notice"]("about 3 s on 2 cores")
        options["progress"]("embed", 1, 2)
        options["progress"]("embed", 2, 2)
        return make_audit()

    install(monkeypatch, remember)
    return made
