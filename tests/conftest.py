"""Fixtures that more than one test file uses."""

from __future__ import annotations

from browser import chromium, page

__all__ = ["chromium", "page"]
