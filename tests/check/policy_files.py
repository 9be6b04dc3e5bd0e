"""A policy file in a temporary folder."""

from __future__ import annotations

from pathlib import Path


def write(folder: Path, text: str, name: str = "labelaudit.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name
