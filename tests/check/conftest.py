"""Fixtures of the tests of `labelaudit check`."""

from __future__ import annotations

from gates import elsewhere, pets, repository, run, tidy

__all__ = ["elsewhere", "pets", "repository", "run", "tidy"]
