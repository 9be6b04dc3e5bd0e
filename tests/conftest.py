"""Fixtures that more than one test file uses."""

from __future__ import annotations

from browser import chromium, page
from gates import elsewhere, pets, repository, run, tidy

__all__ = ["chromium", "elsewhere", "page", "pets", "repository", "run", "tidy"]
